"""Recipients of a person's data are on record, and told; telling may fail, deleting does not."""

import json

import pytest

import knowingly
from knowingly.errors import InputError, UnknownSubjectError
from knowingly.store import subjects
from knowingly_plugins import notification_folder

NOTICE = "2026-01/en"
RECIPIENTS = {
    name: {"name": f"{name.title()} Ltd", "role": "processor", "country": "IE"}
    for name in ("mailer", "printer")
}


class Post:
    """Keeps what it was told; fails as long as it is asked to."""

    def __init__(self):
        self.got, self.failing = [], False

    def tell(self, notification):
        if self.failing:
            raise ConnectionError(f"zqx {notification.references}")
        self.got.append(notification)


class Folder:
    """The plugin that ships, as a shop that was opened with its variable has it."""

    @knowingly.hookimpl
    def knowingly_destinations(self):
        return notification_folder.knowingly_destinations()


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def shop(house, post):
    """Ada's address was given to a mailer, twice, and to a printer for another purpose."""
    house.policy = house.policy.model_copy(update={"recipients": RECIPIENTS})
    shop = house.open()

    class Plugin:
        @knowingly.hookimpl
        def knowingly_destinations(self):
            return {"mailer": post}

    shop.plugins.add("post", Plugin())
    shop.consent.grant("ada", ["marketing", "measure"], notice=NOTICE)
    house.clock.forward(minutes=1)
    shop.rights.disclosed("ada", "mailer", "e-mail", purpose="marketing", reference="ada@x.example")
    shop.rights.disclosed("ada", "mailer", "first name", purpose="marketing")
    shop.rights.disclosed("ada", "printer", "postal address", purpose="measure")
    house.clock.forward(minutes=1)
    return shop


def kinds(shop, since=0):
    return [entry.kind for entry in shop.audit.entries(since=since, limit=1_000)]


def test_a_disclosure_is_a_sealed_entry(shop, house):
    """The leaf says that there was one, and neither to whom nor what."""
    entry = next(one for one in shop.audit.entries() if one.kind == "disclosure.made")
    assert entry.facts == {}
    disclosed = [leaf for (leaf,) in house.rows("SELECT leaf FROM ledger_entries")][-3:]
    assert not [leaf for leaf in disclosed if b"mailer" in leaf]
    for name, held in house.place.files().items():
        for word in (b"first name", b"postal address", b"ada@x.example"):
            assert word not in held, name


def test_recipients_are_listed_for_staff_and_in_the_export(shop):
    """Who, what, for which purpose, under which name and when; looking is an entry."""
    size = shop.audit.verify().size
    first, second, third = shop.rights.recipients("ada")
    assert kinds(shop, size) == ["read.recipients"]
    assert (first.recipient, first.what, first.reference) == ("mailer", "e-mail", "ada@x.example")
    assert (second.purpose, second.reference) == ("marketing", "ada")
    assert repr(third) == "Disclosure()"
    told = shop.rights.export("ada")["recipients"]
    assert [one["recipient"] for one in told] == ["mailer", "mailer", "printer"]
    assert told[2]["what"] == "postal address"


def test_an_erasure_tells_each_recipient_once(shop, post, house, clock):
    """The certificate says who was told and when, and who waits; it stays genuine."""
    certificate = shop.rights.erase("ada")
    [notification] = post.got
    assert notification.references == ("ada@x.example", "ada")
    assert notification.what == ("e-mail", "first name")
    told = {one["recipient"]: one["told"] for one in certificate.statement["recipients"]}
    assert told == {"mailer": clock.now.isoformat(), "printer": None}
    assert certificate.is_genuine()
    assert "printer not told yet" in certificate.summary()
    assert shop.rights.certificates()[0].statement == certificate.statement
    entry = shop.audit.entries(limit=1_000)[-1]
    assert entry.kind == "recipient.told"
    assert entry.facts["erasure"] == certificate.statement["erasure"]
    assert house.count("notifications") == 1
    assert shop.rights.tell_recipients() == 0
    assert len(post.got) == 1


def test_a_failure_stops_no_deletion_and_is_tried_again(shop, post, house, caplog):
    """It shows in stats, in the note of maintain and on the certificate until it is told."""
    post.failing = True
    certificate = shop.rights.erase("ada")
    assert not shop.knows("ada")
    assert certificate.statement["removed"]["subject_keys"] == 1
    assert {one["told"] for one in certificate.statement["recipients"]} == {None}
    assert shop.stats()["recipients_to_tell"] == 2
    assert "was not told (ConnectionError)" in caplog.text
    assert "zqx" not in caplog.text
    done = shop.maintain(skip=["train", "release", "retention"])
    assert done.recipients_told == 0
    assert any("2 have still to be told" in note for note in done.notes)
    assert house.rows("SELECT tries FROM notifications WHERE recipient = 'mailer'") == [(2,)]
    post.failing = False
    assert shop.maintain(skip=["train", "release", "retention"]).recipients_told == 1
    [renewed] = shop.rights.certificates()
    assert renewed.is_genuine()
    assert renewed.statement["recipients"][0]["told"] == shop.now().isoformat()
    assert shop.stats()["recipients_to_tell"] == 1


def test_nobody_is_told_of_an_erasure_that_is_not_done(shop, post):
    """Only once the certificate is there; until then the notification waits."""
    erasures = shop._upkeep._erasures
    with shop._tenancy.write() as tx:
        erasure = erasures.begin(tx, subjects.number(tx, 1))
    assert shop.rights.tell_recipients() == 0
    assert post.got == []
    erasures.finish(erasure)
    assert shop.rights.tell_recipients() == 1


def test_who_has_no_destination_is_told_by_hand(shop, house):
    """Staff reads the notification, which is an entry, tells, and says so."""
    shop.rights.erase("ada")
    size = shop.audit.verify().size
    [notification] = shop.rights.notifications()
    assert kinds(shop, size) == ["read.notifications"]
    assert (notification.recipient, notification.references) == ("printer", ("ada",))
    assert repr(notification) == "Notification(kind='erasure', recipient='printer')"
    assert shop.rights.note_told(notification.id).kind == "recipient.told"
    [certificate] = shop.rights.certificates()
    assert all(one["told"] for one in certificate.statement["recipients"])
    with pytest.raises(InputError):
        shop.rights.note_told(notification.id)
    assert house.count("notifications") == 0
    assert house.count("subject_keys", "keys") == 0


def test_a_withdrawal_tells_those_who_were_given_data_for_it(shop, post, clock):
    """In the transaction of the choice the notification is written down; maintain tells."""
    receipt = shop.consent.withdraw("ada", ["marketing"])
    assert receipt.effects["recipients_to_tell"] == 1
    assert post.got == []
    clock.forward(minutes=1)
    assert "recipients_to_tell" not in shop.consent.withdraw("ada", ["marketing"]).effects
    assert shop.rights.tell_recipients() == 1
    [notification] = post.got
    assert (notification.kind, notification.purposes) == ("withdrawal", ("marketing",))
    assert kinds(shop)[-1] == "recipient.told"


def test_a_restriction_tells_all_of_them(shop, post):
    """Of what is denied from now on."""
    shop.rights.restrict("ada")
    assert {one.kind for one in shop.rights.notifications()} == {"restriction"}
    assert {one.recipient for one in shop.rights.notifications()} == {"mailer", "printer"}


def test_a_merge_hands_the_disclosures_on(shop, post, clock):
    """The session's erasure tells nobody: its data is the account's."""
    shop.consent.grant("bob", ["marketing"], notice=NOTICE)
    clock.forward(minutes=1)
    shop.profiles.merge("ada", into="bob")
    assert post.got == []
    assert len(shop.rights.recipients("bob")) == 3


def test_a_lost_key_does_not_stop_a_no(shop, house):
    """Whom to tell cannot be read any more; the withdrawal and the erasure go on."""
    house.run("DELETE FROM subject_keys", store="keys")
    shop._tenancy.keyring.forget()
    shop.consent.withdraw("ada")
    assert shop.rights.erase("ada").statement["recipients"] == []


def test_a_key_of_a_notification_is_not_swept(shop, post, clock):
    """The sweep knows it is used."""
    post.failing = True
    shop.rights.erase("ada")
    clock.forward(hours=2)
    shop.maintain(skip=["train", "release"])
    post.failing = False
    assert shop.rights.tell_recipients() == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (("ada", "nobody", "e-mail", "marketing"), "recipient"),
        (("ada", "mailer", "", "marketing"), "what"),
        (("ada", "mailer", "x" * 1_001, "marketing"), "what"),
        (("ada", "mailer", "e-mail", "nothing"), "purpose"),
    ],
)
def test_a_bad_disclosure_is_refused(shop, given, field):
    """And nothing is written."""
    size = shop.audit.verify().size
    subject, recipient, what, purpose = given
    with pytest.raises(InputError) as caught:
        shop.rights.disclosed(subject, recipient, what, purpose=purpose)
    assert caught.value.field == field
    with pytest.raises(UnknownSubjectError):
        shop.rights.disclosed("nobody", "mailer", "e-mail", purpose="marketing")
    assert shop.audit.verify().size == size


def test_the_folder_of_notifications_takes_what_nobody_else_does(shop, post, tmp_path, monkeypatch):
    """One private file each, named by its id; written again it is the same file."""
    monkeypatch.delenv(notification_folder.VARIABLE, raising=False)
    assert notification_folder.knowingly_destinations() == {}
    monkeypatch.setenv(notification_folder.VARIABLE, str(tmp_path / "out"))
    shop.plugins.add("folder", Folder())
    shop.rights.erase("ada")
    assert len(post.got) == 1
    [file] = (tmp_path / "out" / "printer").iterdir()
    said = json.loads(file.read_text())
    assert (said["kind"], said["references"], f"{said['id']}.json") == (
        "erasure",
        ["ada"],
        file.name,
    )
    assert file.stat().st_mode & 0o777 == 0o600
    again = knowingly.Notification(**{**said, "at": shop.now()})
    notification_folder.NotificationFolder(tmp_path / "out").tell(again)
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_leaves_the_notification(shop, tmp_path, monkeypatch):
    """It waits, as for any failure."""
    (tmp_path / "out").write_text("a file")
    monkeypatch.setenv(notification_folder.VARIABLE, str(tmp_path / "out"))
    shop.plugins.add("folder", Folder())
    shop.rights.erase("ada")
    assert [one.recipient for one in shop.rights.notifications()] == ["printer"]
