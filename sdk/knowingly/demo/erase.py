"""Step 5: a copy for one household, then its erasure, and what old copies are still good for."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.markup import escape

from knowingly import Basis, Certificate, SealError, UnknownSubjectError
from knowingly.demo.site import private_file
from knowingly.demo.stage import Stage, Told, expect, open_shop
from knowingly.demo.teller import plural

OLD = "before-erasure"


def erase(stage: Stage) -> Told:
    """Export household D, copy both files, erase, and try to read it again."""
    site = stage.site
    exported = _export(stage)
    copy_database(site.data(), site.data(OLD))
    copy_database(site.keys(), site.keys(OLD))
    stage.teller.say(f"Copied as a backup would: {site.data(OLD).name} and {site.keys(OLD).name}.")
    certificate, milliseconds = _erase(stage)
    basis = _look_up(stage)
    readable = _open_old_copies(stage)
    stage.teller.say(
        f"The certificate says so: [italic]{escape(_old_copies(certificate))}[/italic]"
    )
    return Told(
        f"exported {exported['events']:,} events, erased in {milliseconds:,.0f} ms; the old data "
        "does not open with today's keys",
        {
            "export": exported,
            "milliseconds": milliseconds,
            "certificate": dict(certificate.statement),
            "genuine": certificate.is_genuine(),
            "page_after": basis,
            "old_data_with_todays_keys": "SealError",
            "old_data_with_old_keys_events": readable,
        },
    )


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite file that is in use, with what is still in its write-ahead log."""
    private_file(target)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _export(stage: Stage) -> dict[str, Any]:
    document = stage.shop.rights.export(stage.cast.d)
    path = stage.site.write_private(
        "household-d.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    )
    parts = {name: len(part) for name, part in document.items() if isinstance(part, list)}
    stage.teller.say(
        f"Household D asks for a copy: {path.name} ({path.stat().st_size / 1e3:,.0f} kB, readable "
        f"by its owner only) with {plural(parts['events'], 'event')}, "
        f"{plural(parts['consent_records'], 'choice')} and "
        f"{plural(parts['ledger_details'], 'ledger entry', 'ledger entries')}, and what is left "
        "out and why."
    )
    return {"file": path.name, "bytes": path.stat().st_size, **parts}


def _erase(stage: Stage) -> tuple[Certificate, float]:
    started = time.perf_counter()
    certificate = stage.shop.rights.erase(stage.cast.d)
    milliseconds = (time.perf_counter() - started) * 1_000
    expect(certificate.is_genuine(), "the certificate is genuine")
    path = stage.site.write_private("certificate.json", certificate.to_json() + "\n")
    stage.teller.say(
        f"Household D asks for erasure: {milliseconds:,.0f} ms. The certificate, {path.name}, is "
        "signed, and its signature is genuine:"
    )
    stage.teller.say(f"[cyan]{escape(certificate.summary())}[/cyan]")
    return certificate, milliseconds


def _look_up(stage: Stage) -> str:
    """Nobody is found any more; the basis of the page that is shown instead."""
    try:
        stage.shop.rights.export(stage.cast.d)
    except UnknownSubjectError as error:
        said = str(error)
    else:
        said = ""
    expect(bool(said), "an erased household is unknown")
    page = stage.shop.recommend(stage.cast.d)
    expect(page.basis is not Basis.PERSONAL, "no page is personal after an erasure")
    stage.teller.say(
        f"A copy asked for again: [italic]{escape(said)}[/italic]. Its page: {page.basis.value}."
    )
    return page.basis.value


def _open_old_copies(stage: Stage) -> int:
    """Try the old data with today's keys, then with the old ones; the events the latter reads."""
    site = stage.site
    refused = ""
    with open_shop(site, stage.now, data=site.data(OLD)) as shop:
        try:
            shop.profiles.view(stage.cast.d, "personalize")
        except SealError as error:
            refused = str(error)
    expect(bool(refused), "old data does not open with today's key store")
    with open_shop(site, stage.now, data=site.data(OLD), keys=site.keys(OLD)) as shop:
        readable = len(shop.profiles.view(stage.cast.d, "personalize").events)
    stage.teller.say(
        "The copy of the data still has D's rows, sealed. Opened with today's key store: "
        f"[italic]{escape(refused)}[/italic]. Opened with the old copy of the key store: "
        f"{plural(readable, 'event')} can be read. So keep copies of the key store few and "
        "short-lived, and apart from copies of the data."
    )
    return readable


def _old_copies(certificate: Certificate) -> str:
    return str(certificate.statement["old_copies"]["says"])
