"""Passwords: argon2id, long passphrases welcome, common ones refused."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from marketplace.core.errors import InvalidInput
from marketplace.core.spoken_number import plain_text

MINIMUM = 10
MAXIMUM = 200
OWN_CHARACTERS = 4
DEMO_PASSWORD = "good harvest"  # noqa: S105  # a secret of nothing
"""Of every demo account: shown on the sign-in page of a demo, useless anywhere else."""

COMMON = (
    "password", "passw0rd", "p@ssw0rd", "qwertyuiop", "qwerty", "asdfghjkl", "asdfgh", "zxcvbnm", "1q2w3e4r5t",
    "1q2w3e4r", "q1w2e3r4", "1qaz2wsx3edc", "1qaz2wsx", "qazwsxedc", "qazwsx", "iloveyou", "woaini", "wodemima",
    "mima", "administrator", "admin", "root", "letmein", "welcome", "changeme", "sunshine", "princess", "football",
    "basketball", "superman", "monkey", "dragon", "master", "michael", "abcdefgh", "abcdef", "abcd", "abc", "aaa",
    "qwe", "asd", "zxc", "xiangbang", "fupin", "nongye", "1234567890", "0987654321", "123456789", "987654321",
    "12345678", "1234567", "7654321", "123456", "654321", "12345", "1234", "321", "123", "147258369", "147258",
    "159357", "5201314", "1314520", "1314", "520", "666", "888", "000", "111",
)  # fmt: skip
"""Pieces that common passwords are made of; a password needs four characters besides them."""


class Passwords:
    """The process's hasher. Tests lower its cost once at start; nothing else does."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._decoy = ""

    def configure(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._decoy = ""

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def matches(self, stored: str | None, password: str) -> bool:
        """Takes as long for an unknown person (no hash stored) as for a known one."""
        if not self._decoy:
            self._decoy = self._hasher.hash("nobody's password")
        try:
            self._hasher.verify(stored or self._decoy, password[: MAXIMUM + 1])
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


passwords = Passwords()


def check_new_password(password: str, login_name: str) -> None:
    """Raises InvalidInput (field `password`) saying what a good one looks like."""
    cure = "可以用一句自己记得住的话，例如四个不相干的词。"
    if not MINIMUM <= len(password) <= MAXIMUM:
        raise InvalidInput(
            f"密码要 {MINIMUM} 到 {MAXIMUM} 个字符，{cure}",
            code="password_length",
            field="password",
        )
    bare = plain_text(password).lower()
    own_name = len(login_name) >= OWN_CHARACTERS and login_name.lower() in bare
    if own_name or len(_own_part(bare)) < OWN_CHARACTERS:
        raise InvalidInput(f"这个密码太常见，{cure}", code="password_common", field="password")


def _own_part(password: str) -> str:
    """What is left without the common pieces, without repeats and without ornament."""
    rest = password
    for piece in sorted(COMMON, key=len, reverse=True):
        rest = rest.replace(piece, "")
    return "".join(sorted({letter for letter in rest if letter.isalnum()}))
