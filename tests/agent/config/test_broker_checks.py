"""The checks of [mqtt]: hosts and topics, odd characters, ports of another kind, certificates and keys."""

import os
import re
import shutil

import pytest
from certificates import Authority

from agent import config
from agent.config import Mistake
from agent.config.characters import odd

AIR = '[[sensor]]\nid = "air"\ndriver = "sht4x"\n'
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def found(text: str, folder=None) -> list[Mistake]:
    return config.parse(AIR + text, folder / "limpet.toml" if folder else "limpet.toml")[1]


def good(text: str) -> config.MqttConfig:
    read, mistakes = config.parse(AIR + text)
    assert read is not None, mistakes
    return read.mqtt


class TestNames:
    def test_one_host_or_several_in_turn(self):
        assert good("[mqtt]\nhost = 'a.local'").hosts == ("a.local",)
        assert good("[mqtt]\nhost = ['a.local', '::1']").hosts == ("a.local", "::1")
        assert good("[mqtt]\nhost = ['a.local', 'b.local']").host == "a.local"

    @pytest.mark.parametrize(
        ("host", "key", "words"),
        [
            ("[]", "host", "empty list"),
            ("['a', 'b:1883']", "host", "port in it"),
            ("['a', 7]", "host", "a number"),
            ("['a', 'mqtt://b']", "host", "URL"),
            ("'a\u2013b.local'", "host", "an en dash \u2013 \\(U\\+2013\\)"),
            ("'a.local\u00a0'", "host", "no-break space"),
            ("'a.local\u200b'", "host", "zero-width space"),
        ],
    )
    def test_what_is_no_host_is_refused(self, host, key, words):
        (one,) = found(f"[mqtt]\nhost = {host}")
        assert one.key == key
        assert re.search(words, one.what)

    @pytest.mark.parametrize("root", ["limpet", "site/hall-3/limpet", "1/2/3/4/5/6/7/8", "gr\u00fcn/\u4e2d"])
    def test_a_topic_root_has_up_to_eight_levels(self, root):
        assert good(f"[mqtt]\ntopic_root = '{root}'").topic_root == root

    @pytest.mark.parametrize(
        "root", ["/a", "a/", "a//b", "/", "1/2/3/4/5/6/7/8/9", "a/+", "a/#/b", "$share/a", "a /b", "a/ b", "a\tb", ""]
    )
    def test_what_is_none_is_refused(self, root):
        (one,) = found(f'[mqtt]\ntopic_root = "{root}"'.replace("\t", "\\t"))
        assert (one.key, one.is_warning) == ("topic_root", False)

    @pytest.mark.parametrize("text", ["[homeassistant]\nprefix = 'ha/'", "[homeassistant]\nprefix = ' ha'"])
    def test_a_prefix_ends_in_neither_slash_nor_blank(self, text):
        assert [one.key for one in found(text)] == ["prefix"]

    @pytest.mark.parametrize("text", ["client_id = 'x '", "username = 'u\u200b'", "client_id = ''"])
    def test_a_name_has_no_blank_at_its_end_and_nothing_invisible(self, text):
        assert [one.is_warning for one in found(f"[mqtt]\n{text}")] == [False]


class TestOddCharacters:
    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("host = \u201ca.local\u201d", "a curly quote \u201c (U+201C)"),
            ("host = \u2018a.local\u2019", "a curly quote \u2018 (U+2018)"),
            ('host =\u00a0"a.local"', "a no-break space (U+00A0)"),
            ('topic\u2013root = "x"', "an en dash \u2013 (U+2013)"),
            ('\u200bhost = "x"', "a zero-width space (U+200B)"),
            ("port = \u22121883", "a minus sign \u2212 (U+2212)"),
        ],
    )
    def test_that_break_the_syntax_are_named(self, line, words):
        (one,) = found(f"[mqtt]\n{line}\n")
        assert words in one.what
        assert one.line == 5

    @pytest.mark.parametrize("line", ["x = \u201c1\u201d # fine", "x = # \u201c"])
    def test_are_not_blamed_for_standing_in_a_comment(self, line):
        (one,) = found(f"[mqtt]\n{line}")
        assert ("quote" in one.what) == ("fine" in line)

    def test_within_a_value_are_named_whatever_it_is(self):
        for line in ('keepalive = "10\u00a0s"', 'version = "3.1.1\u200b"', 'username = "a\u2019b"'):
            (one,) = found(f"[mqtt]\n{line}")
            assert "(U+" in one.what

    def test_are_no_letters_of_any_language(self):
        assert odd("Gr\u00fc\u00dfe \u4e2d\u6587 \u0627\u0644\u0639 na\u00efve '\"-") is None


class TestPorts:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("port = 8883", "usually for TLS"),
            ("port = 443", "usually for TLS"),
            ("port = 1883\n[mqtt.tls]", "without TLS"),
            ("port = 443\n[mqtt.tls]", "WebSockets, or ALPN"),
            ("port = 9001", "WebSockets"),
            ("transport = 'websockets'", "without WebSockets"),
            ("port = 1883\ntransport = 'websockets'", "without WebSockets"),
            ("path = '/mqtt'", "only a WebSocket has a path"),
        ],
    )
    def test_of_another_kind_are_warned_of(self, text, words):
        (one,) = found(f"[mqtt]\n{text}")
        assert (one.is_warning, words in one.what) == (True, True)

    @pytest.mark.parametrize(
        "text",
        [
            "port = 1883",
            "port = 8883\n[mqtt.tls]",
            "port = 443\n[mqtt.tls]\nalpn = ['mqtt']",
            "port = 443\ntransport = 'websockets'\n[mqtt.tls]",
            "port = 9001\ntransport = 'websockets'\npath = '/'",
            "port = 41883",
        ],
    )
    def test_of_the_right_kind_are_not(self, text):
        assert found(f"[mqtt]\n{text}") == []


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with ca.pem, me.pem, me.key, me.locked (passphrase "sesame") and other.key."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    _, key = authority.sign("me")
    authority.lock(key, "sesame")
    authority.sign("other")
    (folder / "word").write_text("sesame\n")
    (folder / "wrong").write_text("simsalabim\n")
    for name in ("me.key", "other.key", "word", "wrong"):
        (folder / name).chmod(0o600)
    (folder / "me.locked").chmod(0o600)
    return folder


@needs_openssl
class TestCertificates:
    def judged(self, files, *lines: str) -> list[tuple[str, bool, str]]:
        text = "[mqtt.tls]\nca_file = 'ca.pem'\n" + "\n".join(lines)
        return [(one.key, one.is_warning, one.what) for one in found(text, files)]

    def test_that_belong_together_are_right(self, files):
        assert self.judged(files, "cert_file = 'me.pem'", "key_file = 'me.key'") == []
        locked = ("cert_file = 'me.pem'", "key_file = 'me.locked'", "key_password_file = 'word'")
        assert self.judged(files, *locked) == []

    @pytest.mark.parametrize(
        ("key", "word", "words"),
        [
            ("me.locked", None, "has a passphrase"),
            ("me.locked", "wrong", "does not open"),
            ("other.key", None, "is not the key of"),
            ("ca.pem", None, "hold no certificate and key"),
        ],
    )
    def test_that_do_not_are_mistakes(self, files, key, word, words):
        more = [f"key_password_file = '{word}'"] if word else []
        *_, (name, is_warning, what) = self.judged(files, "cert_file = 'me.pem'", f"key_file = '{key}'", *more)
        assert (name, is_warning, words in what) == ("tls.key_file", False, True)

    def test_that_are_not_there_yet_are_warnings(self, files):
        for lines in (("cert_file = 'no.pem'", "key_file = 'me.key'"), ("cert_file = 'me.pem'", "key_file = 'no.key'")):
            ((_, is_warning, what),) = self.judged(files, *lines)
            assert (is_warning, "No such file" in what) == (True, True)
        assert [one.is_warning for one in found("[mqtt.tls]\nca_file = 'no.pem'", files)] == [True]

    def test_of_nothing_of_the_kind_are_mistakes(self, files, tmp_path):
        (tmp_path / "prose").write_text("dear reader")
        (tmp_path / "empty").touch()
        os.mkfifo(tmp_path / "fifo")
        for name in ("prose", "empty", "fifo", "."):
            assert [one.is_warning for one in found(f"[mqtt.tls]\nca_file = '{name}'", tmp_path)] == [False]


@pytest.mark.parametrize(
    ("root", "what"),
    [("limpet/", "ends with a slash"), ("/limpet", "begins with a slash"), ("a//b", "has an empty level")],
)
def test_a_slash_that_makes_an_empty_level_is_named(root, what):
    (found,) = [one for one in config.parse(f'[mqtt]\ntopic_root = "{root}"\n{AIR}')[1] if not one.is_warning]
    assert what in found.what
