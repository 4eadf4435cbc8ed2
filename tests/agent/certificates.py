"""Certificates for tests, made by the command `openssl`."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """Signs certificates with the command `openssl`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder, self.name = folder, name
        self.file, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        subject = ["-x509", "-subj", f"/CN={name}", "-days", "30", "-keyout", self.key, "-out", self.file]
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", *subject)

    def sign(self, name: str, host: str = "IP:127.0.0.1", days: int = 30) -> tuple[Path, Path]:
        certificate, key, request = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr"))
        extension = self.folder / f"{name}.ext"
        extension.write_text(f"subjectAltName={host}\n")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        by = ["-CA", self.file, "-CAkey", self.key, "-set_serial", "7", "-days", str(days), "-extfile", extension]
        self._openssl("x509", "-req", "-in", request, "-out", certificate, *by)
        return certificate, key

    def _openssl(self, *words) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    def lock(self, key: Path, passphrase: str) -> Path:
        """Return a copy of a key that only the passphrase opens."""
        locked = key.with_suffix(".locked")
        self._openssl("rsa", "-in", key, "-aes128", "-passout", f"pass:{passphrase}", "-out", locked)
        return locked
