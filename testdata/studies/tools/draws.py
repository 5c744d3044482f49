"""XXH64, SplitMix64's finaliser and the draws of the semantics, section 1, in plain Python.

Written from the published algorithms (Collet's xxHash specification, Steele et al.'s SplitMix64), as a
second program beside the Go libraries. `python3 draws.py` checks the published test vectors;
`python3 draws.py WORD SEED SLOT_ID COPY CAMPAIGN_ID` prints the draw of a slot and a campaign, and
`python3 draws.py WORD SEED ID` that of a user or slot, as the studies' READMEs quote them.
"""
import sys

MASK = (1 << 64) - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def rotl(x, r):
    return ((x << r) | (x >> (64 - r))) & MASK


def _round(acc, lane):
    return rotl((acc + lane * P2) & MASK, 31) * P1 & MASK


def xxh64(data, seed=0):
    n, i = len(data), 0
    if n >= 32:
        acc = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK]
        while i + 32 <= n:
            for lane in range(4):
                acc[lane] = _round(acc[lane], int.from_bytes(data[i:i + 8], "little"))
                i += 8
        h = (rotl(acc[0], 1) + rotl(acc[1], 7) + rotl(acc[2], 12) + rotl(acc[3], 18)) & MASK
        for a in acc:
            h = ((h ^ _round(0, a)) * P1 + P4) & MASK
    else:
        h = (seed + P5) & MASK
    h = (h + n) & MASK
    while i + 8 <= n:
        h = (rotl(h ^ _round(0, int.from_bytes(data[i:i + 8], "little")), 27) * P1 + P4) & MASK
        i += 8
    if i + 4 <= n:
        h = (rotl(h ^ (int.from_bytes(data[i:i + 4], "little") * P1 & MASK), 23) * P2 + P3) & MASK
        i += 4
    while i < n:
        h = rotl(h ^ (data[i] * P5 & MASK), 11) * P1 & MASK
        i += 1
    h = (h ^ (h >> 33)) * P2 & MASK
    h = (h ^ (h >> 29)) * P3 & MASK
    return h ^ (h >> 32)


def mix(z):
    z &= MASK
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def text_hash(text):
    return xxh64(text.encode("utf-8"))


def slot_hash(slot_id, copy=0):
    h = text_hash(slot_id)
    return h if copy == 0 else mix(h + copy * 0x9E3779B97F4A7C15)


def replicate_seed(seed, r):
    return seed if r == 0 else mix(seed ^ mix(r))


def draw(word, seed, h):
    return mix(seed ^ text_hash(word) ^ h)


def unit(d):
    return d >> 11


def pair_draw(word, seed, slot_id, copy, campaign_id):
    return draw(word, seed, slot_hash(slot_id, copy) ^ rotl(text_hash(campaign_id), 32))


def self_check():
    vectors = {b"": 0xEF46DB3751D8E999, b"a": 0xD24EC4F1A98C6E5B, b"abc": 0x44BC2CF5AD770999,
               b"Nobody inspects the spammish repetition": 0xFBCEA83C8A378BF1}
    for data, want in vectors.items():
        assert xxh64(data) == want, (data, hex(xxh64(data)))
    # SplitMix64 with state 0 yields 0xE220A8397B1DCDAF first: the finaliser of the golden gamma.
    assert mix(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF


if __name__ == "__main__":
    self_check()
    args = sys.argv[1:]
    if len(args) == 5:
        d = pair_draw(args[0], int(args[1]), args[2], int(args[3]), args[4])
        print(f"{d} (mod 2 = {d % 2}, mod 3 = {d % 3})")
    elif len(args) == 3:
        d = draw(args[0], int(args[1]), text_hash(args[2]))
        print(f"{d} unit {unit(d)} = {unit(d) / 2**53:.6f} of 2^53")
    elif not args:
        print("test vectors hold")
    else:
        sys.exit(__doc__)
