#!/usr/bin/python3
"""Writes tuf_paths.txt: pattern and path (both hex of UTF-8, "-" for nothing) and yes or no.

Made with Python's own fnmatch, segment by segment, not from our C code.
usage: tuf_paths.py > tuf_paths.txt
"""
import fnmatch
import random

BY_HAND = [
    ("*", "a"), ("*", "a/b"), ("*", ""), ("", ""), ("", "a"), ("*/*", "a/b"), ("*/*", "/"),
    ("a/*", "a/"), ("a/*", "a"), ("releases/x/*", "releases/README.md"), ("?", "\u20ac"),
    ("??", "\u20ac"), ("?", "\U0001f600"), ("[\u00e0-\u00ff]", "\u00e9"), ("[a-\u20ac]", "\u00e9"),
    ("[!a]", "a"), ("[!a]", "b"), ("[!]", "!"), ("[!]", "[!]"), ("[]", "[]"), ("[]]", "]"),
    ("[!]]", "]"), ("[!]]", "a"), ("[]-a]", "_"), ("[a-]", "-"), ("[-a]", "-"), ("[a-c-e]", "-"),
    ("[a-c-e]", "d"), ("[a-c-e]", "e"), ("[z-a]", "m"), ("[!z-a]", "m"), ("[--0]", "."),
    ("[a", "[a"), ("a[b/c]d", "a[b/c]d"), ("a[b/c]d", "abd"), ("[[]", "["), ("[^a]", "^"),
    ("[^a]", "b"), ("\\*", "\\x"), ("\\*", "*"), ("*.tgz", ".tgz"), ("*.tgz", "a.tgz.x"),
    (".*", ".a"), ("*", ".a"), ("**", "abc"), ("*a*a*a", "aaaa"), ("*a*b", "ab"), ("A", "a"),
    ("*ab", "aab"), ("*[ab]c?", "xxbcd"), ("[a-c]/[!x]", "b/y"), ("/*", "/a"), ("*/", "a/"),
]


def matches(pattern, path):
    patterns, segments = pattern.split("/"), path.split("/")
    return len(patterns) == len(segments) and all(
        fnmatch.fnmatchcase(s, p) for s, p in zip(segments, patterns))


def made_up(rng):
    pattern = "".join(rng.choice("ab\u00e9*?[]!-/[a-c]") for _ in range(rng.randrange(9)))
    if rng.randrange(3):
        path = "".join(rng.choice("abc\u00e9/]-") for _ in range(rng.randrange(7)))
    else:  # likely to match
        path = "".join(rng.choice("ab\u00e9") if c in "*?[]!" else c for c in pattern)
    return pattern, path


def encoded(text):
    return text.encode().hex() or "-"


def main():
    rng = random.Random(2026)
    cases = BY_HAND + [made_up(rng) for _ in range(1500)]
    print("# made by tuf_paths.py")
    for pattern, path in dict.fromkeys(cases):
        print(encoded(pattern), encoded(path), "yes" if matches(pattern, path) else "no")


if __name__ == "__main__":
    main()
