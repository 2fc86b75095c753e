"""What is measured: as many valid keys as are asked for, and manifests, states and accounts made of them.

Always the same ones. Key number n is the point n + 1 times the generator of Ed25519: valid, and no secret of anyone.
"""

import base64
import hashlib
import json

PRIME = 2**255 - 19
CURVE = -121665 * pow(121666, -1, PRIME) % PRIME
GENERATOR = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
ENDPOINT = "https://api.primeintellect.ai"
USER = "cm4xsandboxuser0000000000"
CREATED = "2026-01-01T00:00:00Z"


def keys(count):
    """Makes so many keys, each as (name, blob), sorted by name."""
    return [(f"key-{number:06}", blob(x, y)) for number, (x, y) in enumerate(multiples(count))]


def blob(x, y):
    point = (y | (x & 1) << 255).to_bytes(32, "little")
    return "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + point).decode()


def multiples(count):
    """The first multiples of the generator, in affine coordinates."""
    gx, gy = GENERATOR
    gt = gx * gy % PRIME
    points, (x, y, z, t) = [], (gx, gy, 1, gt)
    for _ in range(count):
        points.append((x, y, z))
        # Addition in extended coordinates (RFC 8032, section 5.1.4), the second point's Z being 1.
        a, b = (y - x) * (gy - gx) % PRIME, (y + x) * (gy + gx) % PRIME
        c, d = 2 * CURVE * t * gt % PRIME, 2 * z
        e, f, g, h = b - a, d - c, d + c, b + a
        x, y, z, t = e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME
    # One inversion for all: of the product of all Z, from which factor after factor is taken off again.
    products, product = [], 1
    for _, _, z in points:
        products.append(product)
        product = product * z % PRIME
    inverse = pow(product, -1, PRIME)
    affine = []
    for (x, y, z), before in zip(reversed(points), reversed(products)):
        own = inverse * before % PRIME
        inverse = inverse * z % PRIME
        affine.append((x * own % PRIME, y * own % PRIME))
    return reversed(affine)


def manifest(made):
    entry = "  - name: {0}\n    publicKey: {1} {0}@example.com\n    owner: {0}@example.com\n"
    return "version: 1\nkeys:\n" + "".join(entry.format(name, blob) for name, blob in made)


def key_id(name):
    return f"cm4x{hashlib.sha256(name.encode()).hexdigest()[:21]}"


def fingerprint(blob):
    digest = hashlib.sha256(base64.b64decode(blob.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def state(made, endpoint=ENDPOINT):
    """The state in which every key is recorded, as keyform writes it."""
    records = [
        {
            "name": name,
            "id": key_id(name),
            "publicKey": blob,
            "fingerprint": fingerprint(blob),
            "origin": "uploaded",
            "createdAt": CREATED,
        }
        for name, blob in made
    ]
    head = {"version": 1, "lineage": "6f1c2a52-5b0c-4c7e-9d57-1f1f7a2f2b10", "serial": 1}
    return json.dumps({**head, "endpoint": endpoint, "userId": USER, "keys": records}, indent=2) + "\n"


def account(made):
    """The file of an emulated account that holds every key."""
    events = [
        {
            "event": "upload",
            "id": key_id(name),
            "name": name,
            "publicKey": f"{blob} {name}@example.com",
            "isPrimary": False,
            "isUserKey": True,
            "createdAt": CREATED,
            "updatedAt": CREATED,
        }
        for name, blob in made
    ]
    return "".join(json.dumps(line) + "\n" for line in [{"version": 1, "drawn": 0}, *events])


def bodies(made):
    """The bodies of the uploads, one a line."""
    return "".join(json.dumps({"name": name, "publicKey": f"{blob} {name}@example.com"}) + "\n" for name, blob in made)


def hostile():
    """Manifests made to hurt, by what is hostile about them: each as a list of files."""
    nested = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, after in zip("abcdefghi", "bcdefghij"):
        nested += f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    entry = "- name: k\n  publicKey: x\n"
    return {
        "10 million brackets": ["[" * 10_000_000],
        "a bracket on each of 10 million lines": ["[\n" * 10_000_000],
        "5 million dashes": ["- " * 5_000_000],
        "an alias bomb": [nested],
        "a million aliases": ["version: 1\nkeys:\n" + "- *a\n" * 1_000_000],
        "a line of 100 MB": ["version: 1\nkeys: " + "a" * 100_000_000],
        "a line of 30 MB": ["version: 1\nkeys: " + "a" * 30_000_000],
        "a million entries": ["version: 1\nkeys:\n" + "- a\n" * 1_000_000],
        "a million entries without a key": ["version: 1\nkeys:\n" + "- {}\n" * 1_000_000],
        "30 MB of wrong keys": [f"version: 1\nkeys:\n{entry * (30_000_000 // len(entry))}"],
        "60 MB of wrong keys, in two files": [f"version: 1\nkeys:\n{entry * (30_000_000 // len(entry))}"] * 2,
        "8 million empty values": ["version: 1\nkeys: [" + ",\n" * 8_000_000 + "]"],
        "30 MB of private keys": ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" * 500_000],
    }
