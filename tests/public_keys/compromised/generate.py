#!/usr/bin/env python3
"""Writes keys.tsv: public keys with the verdicts of badkeys 0.0.21 and ssh-keygen.

Usage: generate.py BADKEYS SSH_BADKEYS VAGRANT, with badkeys' source package, and clones of rapid7/ssh-badkeys and
hashicorp/vagrant. Needs `pip install badkeys==0.0.21`. Always writes the same keys. badkeys runs without its blocklists, which
are not part of the package.
"""

import base64
import json
import pathlib
import random
import subprocess
import sys

import badkeys
import gmpy2
from badkeys import checks
from cryptography.hazmat.primitives import serialization

HERE = pathlib.Path(__file__).parent
CHECKS = [name for name in badkeys.defaultchecks if name != "blocklist"] + ["rsawarnings"]
RANDOM = random.Random("keyform")

#: Verdicts of keyform: `accepted`, the code of another refusal, or why the key is compromised.
OK = "accepted"
SPARSE = "its modulus is not random: most of its bits are zero"

# Why keyform and badkeys disagree.
WARNS = "badkeys only warns"
DSA = "keyform refuses DSA"
BLOCKLIST = "badkeys has it in a blocklist, which is not in the package"
NOT_CHECKED = "keyform does not have this check"


def number(value):
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def line(*strings):
    strings = [string.encode() if isinstance(string, str) else string for string in strings]
    blob = b"".join(len(string).to_bytes(4, "big") + string for string in strings)
    return f"{strings[0].decode()} {base64.b64encode(blob).decode()}"


def rsa(n, e=65537):
    return line("ssh-rsa", number(int(e)), number(int(n)))


def bits(length):
    """Returns a random number of exactly this length, whose two highest bits are set."""
    return RANDOM.getrandbits(length) | 3 << length - 2


def prime(length):
    return gmpy2.next_prime(bits(length))


def good_rsa(length, e=65537):
    while True:
        p, q = prime(length // 2), prime(length - length // 2)
        if gmpy2.gcd(e, (p - 1) * (q - 1)) == 1:
            return rsa(p * q, e)


def fermat(length, round_):
    """Makes a product of two odd numbers, not necessarily prime, that Fermat's method finds in this round.

    With n = (a - b)(a + b), the method starts at the square root of n, which is about a - b²/2a."""
    while True:
        a = bits(length // 2) & ~1
        b = gmpy2.isqrt(2 * a * round_ - a) | 1
        if gmpy2.gcd(checks.smallfactors.__globals__["_gensmallprimes"](), a * a - b * b) == 1:
            return rsa(a * a - b * b)


def roca(length):
    """Makes primes as Infineon's RSALib does: k · M + (65537^a mod M). M has the first primes: 71 for 2048 bits, and so on."""
    count = {2048: 71, 3072: 126, 4096: 126}[length]
    m, last = 1, 1
    for _ in range(count):
        last = int(gmpy2.next_prime(last))
        m *= last

    def half():
        while True:
            p = bits(length // 2) // m * m + pow(65537, RANDOM.getrandbits(256), m)
            if gmpy2.is_prime(p) and p.bit_length() == length // 2:
                return p

    return rsa(half() * half())


def composed():
    """Yields a name, a key, what keyform says, and why badkeys differs if it does."""
    for length in 2048, 3072, 4096, 2056, 3000:
        yield f"rsa, {length} bits", good_rsa(length), OK, ""
    for e in 3, 35, 37, 17, 2**32 + 1, 2**64 - 59, 2**256 - 189:
        yield f"rsa, exponent {e}", good_rsa(2048, e), OK, ""
    yield "rsa, exponent of 257 bits", good_rsa(2048, 2**256 + 297), "its exponent has 257 bits; the maximum is 256", WARNS
    n = prime(1024) * prime(1024)
    wiener = "small private exponent (Wiener)"
    p, q = prime(1024), prime(1024)
    d = prime(400)
    e = int(gmpy2.invert(d, (p - 1) * (q - 1)))
    yield wiener, rsa(p * q, e), f"its exponent has {e.bit_length()} bits; the maximum is 256", ""
    yield "exponent 1", rsa(n, 1), "key-rsa-exponent", ""
    yield "exponent 0", rsa(n, 0), "key-rsa-exponent", ""
    yield "exponent 4", rsa(n, 4), "key-rsa-exponent", ""
    yield "exponent larger than the modulus", rsa(n, 2**2048 + 1), "key-rsa-exponent", ""
    yield "even modulus", rsa(n - 1), "key-rsa-modulus", ""
    yield "1024 bits", good_rsa(1024), "key-rsa-short", WARNS
    yield "three primes", rsa(prime(1024) * prime(1024) * prime(1024)), OK, ""
    yield "primes of different length", rsa(prime(512) * prime(2560)), OK, ""
    for factor in 3, 65521, 65537:
        cofactor = prime(2049 - factor.bit_length())
        yield f"small factor {factor}", rsa(factor * cofactor), f"its modulus is divisible by {factor}", ""
    yield "smallest factor that is accepted", rsa(65539 * prime(2032)), OK, ""
    damaged = int(good_modulus()) ^ 1 << 77
    while gmpy2.gcd(damaged, 3 * 5 * 7 * 11 * 13) == 1:
        damaged = int(good_modulus()) ^ 1 << 77
    factor = next(p for p in (3, 5, 7, 11, 13) if damaged % p == 0)
    yield "one bit flipped", rsa(damaged), f"its modulus is divisible by {factor}", ""
    yield "square of a prime", rsa(prime(1024) ** 2), "its modulus is a square", ""
    close = "its two primes are close together (CVE-2022-26320)"
    p = prime(1024)
    yield "a prime and the next one", rsa(p * gmpy2.next_prime(p)), close, ""
    yield "Fermat, round 100", fermat(2048, 100), close, ""
    yield "Fermat, round 102", fermat(2048, 102), OK, ""
    yield "Fermat, 4096 bits", fermat(4096, 50), close, ""
    for length in 2048, 3072, 4096:
        yield f"ROCA, {length} bits", roca(length), "its primes are predictable (ROCA, CVE-2017-15361)", ""
    for length in 2048, 4096:
        yield f"prime of {length} bits", rsa(prime(length)), "its modulus is a prime number", "badkeys does not test this"
    # As from two primes of 1024 bits whose highest bits are not both set.
    yield "rsa, 2047 bits", good_rsa(2047), OK, ""
    yield "rsa, 2046 bits", good_rsa(2046), "key-rsa-short", WARNS


def good_modulus():
    return prime(1024) * prime(1024)


def generated():
    """Yields the keys of `good.json`, each once."""
    seen = set()
    for key in json.loads((HERE.parent / "good.json").read_text()):
        words = next(words for words in map(str.split, key["text"].splitlines()) if words and words[0][0] != "#")
        if words[1] not in seen:
            seen.add(words[1])
            yield f"good.json: {key['name']}", " ".join(words[:2]), OK, ""


def of_badkeys(package):
    """Yields the RSA, ECDSA and Ed25519 keys of badkeys' test data that OpenSSH's format can hold."""
    expected = {
        "rsa-ok": (OK, ""),
        "rsa-vanity": (OK, ""),
        "rsa-debianweak": (OK, ""),
        "rsa-fermat-pkcs1": ("its modulus is a square", ""),
        "rsa-fermat-pkcs8": ("its two primes are close together (CVE-2022-26320)", ""),
        "rsa-roca": ("its primes are predictable (ROCA, CVE-2017-15361)", ""),
        "rsa-nprime": ("its modulus is a prime number", "badkeys does not test this"),
        "rsa-sharedprimes": (OK, f"{NOT_CHECKED}: primes of published keys, 350 KB"),
        "rsa-pattern": (SPARSE, ""),
        "rsapoly128": (SPARSE, ""),
        "rsapoly32": (SPARSE, ""),
        "rsa-small-d": ("its exponent has 2047 bits; the maximum is 256", ""),
        "rsa-smallfactors-corrupt": ("its modulus is divisible by 3", ""),
        "rsa-smallfactors-valid": ("its modulus is divisible by 31337", ""),
        # In badkeys' blocklists, and not refused by keyform.
        "rsa-debianweak": (OK, ""),
        "ec-p256-rfc-example": (OK, ""),
        "ecdsa-explicit-pub": (OK, ""),
        "ed25519-rfc-example": (OK, ""),
    }
    for path in sorted((package / "tests/data").glob("*.key")):
        text = path.read_text()
        if "PUBLIC KEY" not in text:
            continue
        text = text[text.index("-----BEGIN") :]
        try:
            key = serialization.load_pem_public_key(text.encode())
            public = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
        except Exception as error:
            print(f"{path.name} is left out: {error}", file=sys.stderr)
            continue
        ours, why = expected[path.stem]
        yield f"badkeys: {path.stem}", public, ours, why


def published(ssh_badkeys, vagrant):
    found = [("rapid7/ssh-badkeys", ssh_badkeys, path) for path in sorted(ssh_badkeys.glob("*/*.pub"))]
    found += [("hashicorp/vagrant", vagrant, path) for path in sorted(vagrant.glob("keys/vagrant.pub.*"))]
    seen = {}
    for repository, clone, path in found:
        public = " ".join(path.read_text().split()[:2])
        source = seen.setdefault(public, f"{repository}:{path.relative_to(clone)}")
        name = f"{repository}:{path.relative_to(clone)}"
        if public.startswith("ssh-dss"):
            yield name, public, "key-dsa", "" if "Sagemcom_sx682" in name else DSA  # It has 512 bits, which badkeys cannot read.
        elif len(public) < 350 and public.startswith("ssh-rsa"):
            yield name, public, "key-rsa-short", WARNS
        else:
            yield name, public, f"its private key is published ({source})", BLOCKLIST


def of_badkeys_verdict(public):
    result = badkeys.detectandcheck(public, checks=CHECKS)
    if not result["results"]:
        return "-" if result["type"] in ("rsa", "ec", "dsa") else result["type"]
    return ", ".join("-".join(filter(None, (name, found.get("subtest")))) for name, found in result["results"].items())


def of_ssh_keygen(public):
    run = subprocess.run(["ssh-keygen", "-lf", "-"], input=public, capture_output=True, text=True)
    if run.returncode != 0:
        return "refused"
    words = run.stdout.split()
    return f"{words[0]} {words[-1].strip('()')}"


def main():
    package, ssh_badkeys, vagrant = map(pathlib.Path, sys.argv[1:])
    rows = [*composed(), *generated(), *of_badkeys(package), *published(ssh_badkeys, vagrant)]
    with open(HERE / "keys.tsv", "w") as out:
        print("name", "key", "keyform", "badkeys", "ssh-keygen", "why they differ", sep="\t", file=out)
        for name, public, ours, why in rows:
            print(name, public, ours, of_badkeys_verdict(public), of_ssh_keygen(public), why, sep="\t", file=out)


main()
