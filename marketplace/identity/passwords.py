"""Passwords: argon2id, long passphrases welcome, common ones refused."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from marketplace.core.errors import InvalidInput
from marketplace.core.spoken_number import plain_text

MINIMUM = 10
MAXIMUM = 200
COMMON = (
    "password", "passw0rd", "qwerty", "qwertyuiop", "asdfghjkl", "1q2w3e4r", "1qaz2wsx", "abc123", "iloveyou",
    "woaini", "woaini1314", "admin", "administrator", "root", "letmein", "welcome", "changeme", "a123456",
    "123456", "12345678", "123456789", "1234567890", "0123456789", "9876543210", "11111111", "00000000",
    "88888888", "66666666", "5201314", "1314520", "147258369", "123123", "112233", "xiangbang", "fupin", "nongye",
)  # fmt: skip


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
    cure = "可以用一句自己记得住的话,例如四个不相干的词。"
    if not MINIMUM <= len(password) <= MAXIMUM:
        raise InvalidInput(
            f"密码要 {MINIMUM} 到 {MAXIMUM} 个字符,{cure}", code="password_length", field="password"
        )
    bare = plain_text(password).lower()
    letters = bare.rstrip("0123456789!@#.")
    repeated = len(set(bare)) < 4 or any(
        bare == common * (len(bare) // len(common)) for common in COMMON
    )
    if repeated or bare in COMMON or letters in COMMON or login_name.lower() in bare:
        raise InvalidInput(f"这个密码太常见,{cure}", code="password_common", field="password")
