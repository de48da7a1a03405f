#!/usr/bin/env python3
"""Writes canonical_json.txt: documents and their canonical form (OLPC dialect), both in hex.

Made by securesystemslib, which python-tuf signs and verifies with, not from our C code.
usage: canonical_json.py [COUNT [SEED]] > canonical_json.txt    (needs securesystemslib)
"""
import json
import random
import sys

from securesystemslib.formats import encode_canonical


BY_HAND = [
    "{}", "[]", '""', "0", "-0", "[-0,0]", "-1", "9007199254740991", "-9007199254740991",
    "true", " \t\r\n[ null , false ]\n ", '{"b":1,"a":2}', '{"":0,"a":{"":1}}',
    '{"a":1,"A":2,"aa":3,"a\\"":4,"a!":5,"a#":6}', '"\\u00e9\\u20ac\\ud83d\\ude00"', '"é€😀"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"-----BEGIN KEY-----\\nAAAA\\n"', '"\\u2028\\u2029\\u007f\\u0001"',
    '{"\\ud83d\\ude00":1,"\\uffff":2,"\\ue000":3}', '{"\\u0041":1,"@":2,"B":3}',
    '{"z":[{"y":1,"x":[]},{"b":{},"a":[[]]}],"a":{"d":{"c":{"b":"a"}}}}',
    '{"signed":{"_type":"root","version":1,"keys":{"k2":{},"k1":{}}},"signatures":[]}',
    "[" * 32 + "]" * 32, '{"a\\\\b":1,"a/b":2,"a[b":3}', '{"x\\ty":1,"x y":2,"x\\u001fy":3}',
]


def made(source, depth):
    kind = source.randrange(4 if depth == 0 else 6)
    if kind == 0:
        return source.choice([None, True, False])
    if kind == 1:
        return source.randrange(-(2**53) + 1, 2**53)
    if kind < 4:
        return text(source)
    if kind == 4:
        return [made(source, depth - 1) for _ in range(source.randrange(4))]
    return {text(source): made(source, depth - 1) for _ in range(source.randrange(8))}


def text(source):
    alphabet = 'ab"\\/\n\t\x01\x7f é€\ue000\uffff😀\U0010ffff'
    return "".join(source.choice(alphabet) for _ in range(source.randrange(6)))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    source = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 20261122)
    documents = BY_HAND + [
        json.dumps(made(source, 4), ensure_ascii=i % 2 == 0, indent=i % 3 or None)
        for i in range(count)
    ]
    print("# document, canonical form; made by canonical_json.py")
    for document in documents:
        form = encode_canonical(json.loads(document))
        print(document.encode().hex(), form.encode().hex())


if __name__ == "__main__":
    sys.exit(main())
