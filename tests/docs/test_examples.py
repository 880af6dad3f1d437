"""The examples run as they stand."""

import importlib.util
import logging
import subprocess
import sys
from pathlib import Path

import knowingly
from knowingly.plugins.host import PluginHost
from knowingly.policy.file import default_policy_text, parse_policy
from knowingly.samples import tea_shop

EXAMPLES = Path(__file__).parents[2] / "examples"


def module(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_a_page_view_runs_as_the_readme_of_it_says(tmp_path):
    """In a folder with a key, as a user would run it."""
    knowingly.write_root_key(tmp_path / "knowingly.key")
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / "page_view.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "seen: 1 event" in done.stdout
    assert "withdrawn: 0 events" in done.stdout


def test_the_metrics_plugin_gets_the_counters(tmp_path, caplog):
    """A hook feeds a metrics system."""
    key = tmp_path / "knowingly.key"
    knowingly.write_root_key(key)
    with knowingly.open(f"sqlite:///{tmp_path / 'shop.db'}", keys=key) as shop:
        shop.plugins.add("metrics", module("metrics_plugin"))
        shop.recommend()
        with caplog.at_level(logging.INFO):
            shop.stats()
    assert "knowingly_pages tenant=default basis=catalog total=1" in caplog.text


def test_the_checkpoints_plugin_mails_one(tmp_path, monkeypatch):
    """The text arrives as it was signed."""
    sent = []

    class Server:
        def __init__(self, host, *, timeout):
            self.host = host

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def send_message(self, message):
            sent.append((self.host, message))

    found = module("checkpoints_plugin")
    monkeypatch.setattr(found.smtplib, "SMTP", Server)
    for name, value in (("SERVER", "mail.example"), ("FROM", "a@b.example"), ("TO", "c@d.example")):
        monkeypatch.setenv(f"CHECKPOINTS_{name}", value)
    key = tmp_path / "knowingly.key"
    knowingly.write_root_key(key)
    with knowingly.open(f"sqlite:///{tmp_path / 'shop.db'}", keys=key) as shop:
        shop.plugins.add("checkpoints", found)
        assert not [note for note in shop.maintain().notes if "checkpoint" in note]
        [(host, message)] = sent
        assert (host, message["To"]) == ("mail.example", "c@d.example")
        assert message.get_content() == shop.audit.checkpoint().text


def test_the_fields_plugin_keeps_a_field(tmp_path):
    """Its field can be set and read as one of the policy file."""
    key = tmp_path / "knowingly.key"
    knowingly.write_root_key(key)
    with knowingly.open(f"sqlite:///{tmp_path / 'shop.db'}", keys=key) as shop:
        shop.plugins.add("tea_taste", module("fields_plugin"))
        shop.consent.grant("c42", ["personalize"], notice="2026-01/en")
        assert shop.profiles.set("c42", {"tea_strength": "strong"}).kept == 1
        traits = shop.profiles.view("c42", "personalize").traits
        assert traits["tea_strength"].value == "strong"


def test_the_destination_plugin_is_told_once(tmp_path):
    """Of an erasure, by the reference it knows the person by."""
    key = tmp_path / "knowingly.key"
    knowingly.write_root_key(key)
    mailer = {"name": "Mailer Ltd", "role": "processor", "country": "IE"}
    policy = knowingly.load_policy().model_copy(update={"recipients": {"mailer": mailer}})
    plugin = module("destination_plugin")
    with knowingly.open(f"sqlite:///{tmp_path / 'shop.db'}", keys=key, policy=policy) as shop:
        shop.plugins.add("mailer", plugin)
        shop.consent.grant("c42", ["marketing"], notice="2026-01/en")
        shop.rights.disclosed("c42", "mailer", "e-mail address", purpose="marketing")
        shop.rights.erase("c42")
    assert list(plugin.MAILER.queue) == ["erasure c42"]


def test_the_signal_plugin_reads_a_cookie(tmp_path):
    """Mapped and accepted as its docstring shows."""
    key = tmp_path / "knowingly.key"
    knowingly.write_root_key(key)
    found = module("signal_plugin")
    mapped, _, accepted = found.__doc__.partition("count for::")[2].partition("[signals.accept]\n")
    text = default_policy_text().replace("\n[signals.accept]\n", f"\n[signals.accept]\n{accepted}")
    policy = parse_policy(f"{text}\n{mapped}")
    with knowingly.open(f"sqlite:///{tmp_path / 'shop.db'}", keys=key, policy=policy) as shop:
        shop.plugins.add("cookie_bar", found)
        for raw, why in (("profile:1,stats:0", "signal"), ("profile:0", "signal_refused")):
            signals = shop.signals.read(others={"cookie_bar": raw})
            assert shop.recommend("c42", signals=signals).why == why
        assert shop.signals.read(others={"cookie_bar": "profile=1"})[0].problem


def test_the_recent_plugin_serves_a_page(tmp_path):
    """Trained, and first in a slot, as the policy file would name it."""
    key = tmp_path / "knowingly.key"
    knowingly.write_root_key(key)
    policy = knowingly.load_policy(None)
    slots = {
        **policy.slots,
        "home": policy.slots["home"].model_copy(update={"algorithms": ("recent",)}),
    }
    models = policy.models.model_copy(update={"algorithms": {"recent": {"half_life_days": 3}}})
    policy = policy.model_copy(update={"slots": slots, "models": models})
    with knowingly.open(f"sqlite:///{tmp_path / 'shop.db'}", keys=key, policy=policy) as shop:
        shop.plugins.add("recent", module("recent_plugin"))
        tea_shop(shop)
        shop.train()
        page = shop.recommend("t000", k=3)
        assert {hit.source for hit in page} == {"recent"}
        shop.consent.withdraw("t001", ["train"])
        assert {hit.source for hit in shop.recommend("t000", k=3)} == {"recent"}
        (card,) = shop.models.cards()
        assert card.refit_by is not None


def test_the_folder_keys_plugin_keeps_a_shops_root_keys(tmp_path, monkeypatch):
    """Found as an installed plugin would be; rotated, with its old version destroyed."""
    folder, found = tmp_path / "versions", module("folder_keys_plugin")
    folder.mkdir()
    found.FolderKeys(folder).renew()
    init = PluginHost.__init__

    def with_plugin(self, **options):
        init(self, **options)
        self.add("folder_keys", found)

    monkeypatch.setattr(PluginHost, "__init__", with_plugin)
    options = {"keys": f"folder://{folder}"}
    with knowingly.open(f"sqlite:///{tmp_path / 'shop.db'}", **options) as shop:
        tea_shop(shop)
        assert len(shop.keys.rotate(destroy_old=True).destroyed) == 1
    assert len(list(folder.iterdir())) == 1
    with knowingly.open(f"sqlite:///{tmp_path / 'shop.db'}", **options) as shop:
        assert shop.profiles.view("t000", "personalize").events
