"""Every error of a policy file says where it is and what to write instead."""

import pytest

from knowingly.errors import PolicyError
from knowingly.policy import load_policy, parse_policy

GOOD = """\
[purposes.train]
title = "Train"
description = "Learn."

[[notices]]
id = "2026-01/en"
text = '''
[purposes.train]
valid_days = 0
'''
covers = { train = 1 }
"""


def _added(line, more):
    """GOOD with ``more`` put in before that line."""
    lines = GOOD.splitlines()
    return "\n".join([*lines[: line - 1], more, *lines[line - 1 :]])


@pytest.mark.parametrize(
    ("text", "path", "cure"),
    [
        (
            GOOD + '[slots.home]\nalgorithms = []\n[[slots.home.pins]]\nitem = "tea"\n'
            "first_day = 2026-03-02\nlast_day = 2026-03-01",
            "14 slots.home.pins[0]",
            "last_day is before first_day: write 2026-03-02 or later, or leave one out",
        ),
        (_added(4, "valid_dais = 3"), "4 purposes.train.valid_dais", "did you mean 'valid_days'"),
        (_added(4, "zzz = 3"), "4 purposes.train.zzz", "here stand title, description, version"),
        (
            GOOD + '[intake.past_orders]\npurposes = ["train"]\nbasis = "consent"',
            "14 intake.past_orders.basis",
            'cannot rest on a consent that came after it: write "contract"',
        ),
        (
            GOOD + '[intake.past_orders]\npurposes = ["trainn"]\nbasis = "contract"',
            "13 intake.past_orders.purposes",
            "no purpose 'trainn'",
        ),
        (
            GOOD + '[intake.past_orders]\npurposes = ["train"]',
            "13 intake.past_orders.purposes",
            "basis is missing beside it",
        ),
        (_added(4, "[purpose.x]"), "4 purpose", "did you mean 'purposes'"),
        (_added(4, "valid_days = 0"), "4 purposes.train.valid_days", "an integer, at least 1"),
        (_added(4, 'valid_days = "x"'), "4 purposes.train.valid_days", 'or "never"'),
        (_added(4, "version = true"), "4 purposes.train.version", "an integer, at least 1"),
        (_added(4, 'basis = "whim"'), "4 purposes.train.basis", 'one of "consent", "contract"'),
        (_added(4, 'enabled = "yes"'), "4 purposes.train.enabled", "true or false"),
        (_added(4, "[purposes.x]\ntitle = 'x'"), "4 purposes.x.description", "is missing: add"),
        (_added(4, "[purposes.Ä]".replace("Ä", '"Ä"')), "4 purposes.Ä", "small letters"),
        (_added(4, "[purposes]\nx = 3"), "5 purposes.x", "a table"),
        (GOOD.replace('"Train"', '" "'), "2 purposes.train.title", "blank"),
        (
            GOOD.replace("train = 1", "trainn = 1"),
            "11 notices[0].covers.trainn",
            "no purpose 'trainn'",
        ),
        (GOOD.replace("train = 1", "train = 2"), "11 notices[0].covers.train", "is at version 1"),
        (GOOD.replace("train = 1", "train = 0"), "11 notices[0].covers.train", "at least 1"),
        (GOOD.replace("2026-01/en", " "), "6 notices[0].id", 'such as "2026-01/en"'),
        (
            GOOD + '[[notices]]\ntext = "x"\ncovers = {}\nid = "2026-01/en"',
            "15 notices[1].id",
            "ids must differ",
        ),
        (GOOD + '[[notices]]\ntext = ""\ncovers = {}\nid = "b"', "13 notices[1].text", "not empty"),
        (
            GOOD + f'[[notices]]\ntext = "{"x" * 20_001}"\ncovers = {{}}\nid = "b"',
            "13 notices[1].text",
            "at most 20000 characters",
        ),
        ("[signals.accept]\ngpc = ['train']", "2 signals.accept.gpc", "declare it"),
        ("[signals]\ncrosswalk = 2", "2 signals.crosswalk", "expected 1"),
        ("[signals]\nvendors = [0]", "2 signals.vendors[0]", "an integer, at least 1"),
        ("[signals]\nvendors = ['755']", "2 signals.vendors[0]", "an integer, at least 1"),
        ("[signals.map.shopify]\ntrain = {}", "2 signals.map.shopify.train", "declare it"),
        (
            GOOD + "[signals.map.shopify]\ntrain.allow = [{ prefs = 'yes' }]",
            "13 signals.map.shopify.train",
            "shopify has no 'prefs': its terms are preferences, analytics",
        ),
        (
            GOOD + "[signals.map.tcf]\ntrain.allow = [{ publisher-consent-x = 'yes' }]",
            "13 signals.map.tcf.train",
            "vendors, publisher-consent-1 …",
        ),
        (
            GOOD + "[signals.map.shopify]\ntrain.allow = [{ marketing = 'yes' }]",
            "13 signals.map.shopify.train",
            "agreeing to marketing is not agreeing to this",
        ),
        (
            GOOD + "[signals.map.shopify]\ntrain.allow = [{ analytics = 'maybe' }]",
            "13 signals.map.shopify.train.allow[0].analytics",
            'one of "yes", "no"',
        ),
        (
            GOOD + "[signals.map.shopify]\ntrain.deny = []",
            "13 signals.map.shopify.train.deny",
            "unknown key",
        ),
        ("[signals.gpc]\npurposes = ['train']", "2 signals.gpc.purposes", "declare it"),
        ("[signals.gpc]\nbases = ['whim']", "2 signals.gpc.bases[0]", 'one of "consent"'),
        ("[signals.gpc]\njurisdictions = ['Berlin']", "2 signals.gpc.jurisdictions[0]", '"US-CA"'),
        ("[slots.home]\nk = 3", "1 slots.home.algorithms", "is missing: add algorithms ="),
        ("[slots.home]\nalgorithms = []\nk = 101", "3 slots.home.k", "at most 100"),
        ("[slots.home]\nalgorithms = []\nexclude = ['saw']", "3 slots.home.exclude[0]", '"seen"'),
        ("slots.a.algorithms = [3]", "1 slots.a.algorithms[0]", "a name of small letters"),
        ("slots.a.algorithms = [{}]", "1 slots.a.algorithms[0].blend", "is missing: add blend ="),
        (
            "slots.a.algorithms = [{ blend = {} }]",
            "1 slots.a.algorithms[0].blend",
            "a table, not empty, at most 10 entries",
        ),
        (
            "slots.a.algorithms = [{ blend = { x = 0 } }]",
            "1 slots.a.algorithms[0].blend.x",
            "a number, above 0, at most 1000000",
        ),
        (
            "slots.a.algorithms = [{ blend = { bestsellers = 1 } }]",
            "1 slots.a.algorithms[0].blend",
            "write it as a step of its own",
        ),
        (
            "slots.a.algorithms = [{ blend = { x = 1 }, bye = 1 }]",
            "1 slots.a.algorithms[0].bye",
            "did you mean 'by'",
        ),
        (
            "[slots.a]\nalgorithms = []\n\nwhere = 'price = 3'",
            "4 slots.a.where",
            "column 7 of the expression: write == to compare",
        ),
        (
            "[slots.a]\nalgorithms = []\nboosts = [{ where = 'pric > 3', factor = 2 }]",
            "3 slots.a.boosts[0].where",
            "expected a field of an item: price",
        ),
        (
            "[slots.a]\nalgorithms = []\npins = [{ item = 'x', first_day = 'soon' }]",
            "3 slots.a.pins[0].first_day",
            "a day such as 2026-12-24",
        ),
        (
            "[slots.a]\nalgorithms = []\ndiversify = { by = 'luck' }",
            "3 slots.a.diversify.by",
            'one of "items", "person"',
        ),
        (
            "[slots.a]\nalgorithms = []\ndiversify = { strength = 0.5 }",
            "3 slots.a.diversify.by",
            "is missing: add by =",
        ),
        ("slots.home.algorithms = ['catalog', 'a']", "1 slots.home.algorithms", "leave it out"),
        ("[models]\nmin_subjects = 1", "2 models.min_subjects", "at least 2"),
        ("[models]\n\nmin_subjects = 9", "1 models.min_item_subjects", "write 9 or more"),
        ("models.algorithms.a.since = 2026-01-01", "1 models.algorithms.a.since", "expected"),
        ("[aggregates]\nepsilon = nan", "2 aggregates.epsilon", "a number, at least 0.01"),
        ("[aggregates]\nepsilon = true", "2 aggregates.epsilon", "a number, at least 0.01"),
        ("[aggregates]\nperiod = 'day'", "2 aggregates.period", '"year", "quarter", "month"'),
        ("[intake]\nclock_skew_seconds = 86401", "2 intake.clock_skew_seconds", "at most 86400"),
        ("[plugins]\nallow = '*'", "2 plugins.allow", "a list in [brackets]"),
        ("controller = 3", "1 controller", "a table"),
        ("[shop]\nname = 'x'", "1 shop", "is called [controller] now"),
        ("[controller]\njurisdiction = 'de'", "2 controller.jurisdiction", '"DE" or "US-CA"'),
        (_added(4, "recipients = ['x']"), "4 purposes.train.recipients", "[recipients.x]"),
        (_added(4, "data = ['smell']"), "4 purposes.train.data[0]", '"contact", "demographic"'),
        (_added(4, "data = []"), "4 purposes.train.data", "not empty"),
        (_added(4, "dpv = ['dpv:X']"), "4 purposes.train.dpv[0]", "Data Privacy Vocabulary"),
        (_added(4, "minimum_age = 100"), "4 purposes.train.minimum_age", "at most 99"),
        (
            "[recipients.x]\nname = 'x'\ncountry = 'IE'\nrole = 'me'",
            "4 recipients.x.role",
            '"processor"',
        ),
        ("[recipients.x]\nname = 'x'", "1 recipients.x.role", "is missing: add role = one of"),
        ("[age]\nes = 14", "2 age.es", "a jurisdiction such as DE"),
        ("[age]\nES = -1", "2 age.ES", "at least 0"),
        ("[evidence]\nkeep_days_after_erasure = -1", "2 evidence.keep_days_after_erasure", "0"),
        (_added(7, "language = 'English'"), "7 notices[0].language", "BCP 47"),
        (_added(7, "version = '-'"), "7 notices[0].version", 'such as "2026-01"'),
        ("[controller]\nname = 3", "2 controller.name", 'text in "quotes"'),
    ],
)
def test_an_error_names_line_and_key_and_says_the_cure(text, path, cure):
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "shop.toml")
    assert caught.value.path == f"shop.toml:{path}"
    assert str(caught.value).startswith(f"shop.toml:{path}: ")
    assert cure in str(caught.value)


def test_the_good_text_is_good():
    assert tuple(parse_policy(GOOD).purposes) == ("train",)


def test_the_first_of_several_errors_in_the_file_is_told_with_their_number():
    with pytest.raises(PolicyError, match=r"policy\.toml:2 .*\(2 more after this one\)"):
        parse_policy("[intake]\nclock_skew_seconds = -1\n[controller]\nname = 1\ncontact = 2\n")


def test_sixty_purposes_are_the_most():
    one = "[purposes.p{}]\ntitle = 'x'\ndescription = 'x'\n"
    assert len(parse_policy("".join(map(one.format, range(60)))).purposes) == 60
    with pytest.raises(PolicyError, match="at most 60 entries"):
        parse_policy("".join(map(one.format, range(61))))


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = = 2\n", 2), ("a = 1\na = 2\n", 2), ("[a\n", 1), ('\n\na = "', 3), ("a =", 1)],
)
def test_broken_toml_names_its_line(text, line):
    with pytest.raises(PolicyError, match="is not TOML") as caught:
        parse_policy(text)
    assert caught.value.path == f"policy.toml:{line}"


@pytest.mark.parametrize("text", [f"a = {'[' * 50_000}", f"a = {'9' * 5_000}"])
def test_values_made_to_exhaust_the_parser_are_refused(text):
    with pytest.raises(PolicyError):
        parse_policy(text)


def test_no_error_repeats_a_value():
    with pytest.raises(PolicyError) as caught:
        parse_policy("[controller]\ncontact = ['ada@example.com']")
    assert "ada" not in str(caught.value)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(PolicyError, match=r"^policy\.toml: .*knowingly init"):
        load_policy(tmp_path / "policy.toml")


def test_a_folder_a_bad_path_and_other_encodings_are_refused(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(str(tmp_path))
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy("a\0b")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"[controller]\nname = '\xe9'\n")
    with pytest.raises(PolicyError, match=r"^latin\.toml:2: is not UTF-8"):
        load_policy(latin)


def test_a_file_over_a_megabyte_is_refused(tmp_path):
    big = tmp_path / "big.toml"
    big.write_text("# " + "x" * 999_997 + "\n")
    assert load_policy(big).purposes == {}
    big.write_text("# " + "x" * 999_998 + "\n")
    with pytest.raises(PolicyError, match="larger than 1,000,000 bytes"):
        load_policy(big)
    with pytest.raises(PolicyError, match="larger than"):
        parse_policy("#" * 1_000_001)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_policy(file).digest == parse_policy(GOOD).digest
