"""The bytes of a file → its text, or why it has none."""

from __future__ import annotations

import codecs

from policyengine.model.source import ReadError, Source, Span
from policyengine.patterns import regex


class Withheld(ReadError):  # noqa: N818 - said of the file
    """A file whose text is not known, through no fault.

    It is encrypted where it lies (git-crypt, Ansible Vault), or a link to a file of the tree that is not there, such as
    a committed link to an ignored `.env`. It is a program or an archive, or a script in another encoding, which a shell
    runs as well.
    """


_SCRIPTS = (".sh", ".bash")
_CODE = (
    ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".astro", ".py", ".go", ".rb",
    ".java", ".kt", ".kts", ".scala", ".groovy", ".properties", ".php", ".cs", ".cshtml", ".fs", ".vb", ".rs", ".ex",
    ".exs", ".sql", ".html",
)  # fmt: skip
"""Ends of files that are only looked into for what matters here. Compilers take them in other encodings too, and a NUL
byte may stand in a string of one."""

_LOCKED = (
    b"\0GITCRYPT\0", b"$ANSIBLE_VAULT;", b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PGP MESSAGE-----",
)  # fmt: skip
PROGRAMS = (
    b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ\x90\0", b"PK\x03\x04", b"\x1f\x8b",
    b"PK\x05\x06", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"SQLite format 3\0", b"\0asm", b"%PDF-",
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x30\x82",
)  # fmt: skip
"""What programs begin with, of Linux, of macOS for one processor or several, of Windows, and archives (a saved plan is
one); then databases, WebAssembly, documents, pictures and certificates in DER."""
_SEALED = (b"ENC[AES256_GCM,", b"sops")
"""What every env file holds that SOPS has encrypted; documents keep what it leaves plain."""


_IGNORES = (".gitignore", ".dockerignore")
_BEHIND_NUL = regex(r"\0[^\n]*")
"""What git does not see of a line of .gitignore: it reads a pattern up to the first NUL byte."""
_COMMENTED = ("Dockerfile", "Containerfile", ".env")


def _by_bytes(data: bytes, name: str) -> bool:
    """Whether who reads a file goes by its bytes: git and Docker do, and comments of another encoding say nothing."""
    if name.endswith(_IGNORES):
        return True
    lines = (line for line in data.splitlines() if not line.isascii() and not line.lstrip().startswith(b"#"))
    return any(each in name for each in _COMMENTED) and all(
        line.decode(errors="ignore").encode() == line for line in lines
    )


def decode(data: bytes, path: str) -> Source:
    """The source that the bytes spell.

    Raises:
        ReadError: they are not UTF-8, or hold a NUL byte. Withheld: they are encrypted, a program or a script.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if path.endswith((".txt", *_CODE)):  # pip reads a requirements.txt that PowerShell wrote
            return Source(path, data.decode("utf-16", errors="replace").replace("\0", "\ufffd"), bom=True)
        raise ReadError("is UTF-16 text", Span(path, 0, 0), "save it as UTF-8")
    sealed = ".env" in path.rpartition("/")[2] and all(each in data for each in _SEALED)
    if data.startswith(_LOCKED) or sealed:
        raise Withheld("is encrypted", Span(path, 0, 0), "unlock it")
    if data.startswith(PROGRAMS):
        raise Withheld("is a program or an archive", Span(path, 0, 0))
    bom = data.startswith(codecs.BOM_UTF8)
    try:
        text = data[3 if bom else 0 :].decode()
    except UnicodeDecodeError as error:
        if path.endswith(_CODE) or _by_bytes(data, path.rpartition("/")[2]):
            return Source(path, data[3 if bom else 0 :].decode(errors="replace").replace("\0", "\ufffd"), bom)
        if b"\0" in data:  # no text in any encoding that writes a letter in a byte
            raise Withheld("is a program or an archive", Span(path, 0, 0)) from error
        before = data[3 if bom else 0 :][: error.start].decode(errors="replace")
        where = Span(path, len(before), len(before))
        kind = Withheld if data.startswith(b"#!") or path.endswith(_SCRIPTS) else ReadError
        raise kind(f"is not UTF-8 text: invalid byte at offset {error.start}", where, "save it as UTF-8") from error
    if path.endswith(".gitignore"):
        text = _BEHIND_NUL.sub(lambda match: " " * len(match[0]), text)
    if "\0" in text and (path.endswith((*_CODE, *_SCRIPTS)) or path.endswith(_IGNORES)):
        text = text.replace("\0", "\ufffd")
    if "\0" in text:
        at = text.index("\0")
        raise ReadError("holds a NUL byte", Span(path, at, at), "save it as plain text")
    return Source(path, text, bom)
