#!/usr/bin/env python3
"""Token ids from llama.cpp, for tests/test_tokenizer_cases.c.

usage: make_tokenizer_cases.py MODEL.gguf OUT_DIR
needs: llama-cpp-python, gguf
Writes OUT_DIR/tokenizer_model_cases.jsonl, ids of MODEL (SmolLM2-135M-Instruct), and
OUT_DIR/tokenizer_pair_cases.jsonl, ids of a vocabulary with a token for every byte and every pair of bytes, under one
pre-tokenizer after the other: in it, wherever a word ends shows in the ids. The same vocabulary is made in
tests/support/byte_vocabulary.c.
Each line: text, pre (pair cases only), parse_special, add_bos, ids. tokenizer_cases.jsonl has no script here: it came
with the project, made from the same model in the same way.
"""
import ctypes
import json
import os
import random
import sys
import tempfile

import gguf
import llama_cpp

PRES = ["smollm", "gpt-2", "llama-bpe", "dbrx", "qwen2", "default"]
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4
SPECIAL = [("<|one|>", CONTROL), ("<|two|>", CONTROL), ("<a.b", CONTROL), ("a.b>x", USER_DEFINED), ("<unk>", UNKNOWN),
           ("    ", USER_DEFINED), ("\u00e9\u00e8\u00e9", CONTROL)]

TEXTS = [
    "a", " a", "a ", "  a", "a  ", "a   b", " \t a", "\t\ta", "a\n", "a\n\nb", "a \n \n b", "a\r\n\r\nb", " \n", "\n ",
    "\n\n  x", "x  \n", "...\n\n", "!\r\n!", "a!\n b", "it's we'll I'M they'Re don'T 'sS x's's 'ts '", "''ll 'l l'",
    "1", "12", "123", "1234", "1234567", "a1b22c333d4444", " 1 22  333", "1.5e-3", "\u0661\u0662\u0663\u0664",
    "\u00bd\u00be\u2163\u2460 x\u00b2", "caf\u00e9 na\u00efve \u01c5 \u02b0 \u00aa", "e\u0301 a\u0300b", "\u65e5\u672c\u8a9e \u6587\u5b57",
    "\uc548\ub155 \ud558\uc138\uc694", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0643", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", "\U0001d54f\U0001d7ce",
    "a\u00a0b", "a\u3000\u3000b", "a\u2028b \u2029", "x\u0085y", "x\u180ey \u180e1", "a\u200bb\ufeffc", "\u1680a \u205f1", "\x1ca\x1f 1", "\x00a\x00",
    "x\U00031350y \U00031350 \U0002ebf01", "a\U00011f501 \U0001e4f0", "\U0010fffd z\ue000", "\ufffd a\ufffd1",
    "def f(x):\n    return x+1  # ok\n", "#include <stdio.h>\n\tint a[3]={1,22,333};", "https://a.b/c?d=e&f=%20#g", "$100 + 20% = <x>^2~|y|",
    "<|one|>a<|two|>", "<|one|><|one|> b", "<|one|", "a<a.b>x b", "<a.ba.b>x", "<a.b>xa.b>x", "<unk>x", "a     b         c", "\u00e9\u00e8\u00e9\u00e8\u00e9",
    "<|im_start|>user\nhi<|im_end|>\n", "<|endoftext|><repo_name>r<file_sep>f", "<|im_start", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


def random_text(rnd):
    def character():
        kind = rnd.random()
        code = (rnd.randrange(0x20, 0x7F) if kind < 0.5 else rnd.randrange(0x500) if kind < 0.7
                else rnd.randrange(0x3000) if kind < 0.9 else rnd.randrange(0x20000))
        return chr(code) if not 0xD800 <= code < 0xE000 else "x"

    parts = [lambda: " " * rnd.randrange(1, 4), lambda: rnd.choice("\n\t\r\u00a0\u2003"), lambda: str(rnd.randrange(10 ** 6)),
             lambda: "".join(character() for _ in range(rnd.randrange(1, 6))), lambda: rnd.choice(["word", "It's", "<|two|>", "a.b>x"])]
    return "".join(rnd.choice(parts)() for _ in range(rnd.randrange(2, 9)))


class Peer:
    def __init__(self, path):
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), parameters)
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)

    def encode(self, text, parse_special, add_bos):
        data = text.encode()
        ids = (ctypes.c_int32 * (len(data) + 16))()
        n = llama_cpp.llama_tokenize(self.vocabulary, data, len(data), ids, len(ids), add_bos, parse_special)
        assert n >= 0
        return list(ids[:n])


def byte_spellings():
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in own]
    return [chr(b) if b in own else chr(0x100 + others.index(b)) for b in range(256)]


def write_pair_model(path, pre):
    spelled = byte_spellings()
    order = [i * 40503 & 0xFFFF for i in range(65536)]
    pairs = [(spelled[p >> 8], spelled[p & 0xFF]) for p in order]
    tokens = spelled + [a + b for a, b in pairs] + [text for text, _ in SPECIAL]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([NORMAL] * (256 + 65536) + [kind for _, kind in SPECIAL])
    writer.add_token_merges([a + " " + b for a, b in pairs])
    writer.add_bos_token_id(256 + 65536)
    writer.add_eos_token_id(256 + 65536 + 1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def lines(peer, texts, fields):
    for i, text in enumerate(texts):
        for parse_special in ([True, False] if "<" in text or ">" in text else [i % 2 == 0]):
            add_bos = i % 5 == 0
            yield json.dumps({"text": text, **fields, "parse_special": parse_special, "add_bos": add_bos,
                              "ids": peer.encode(text, parse_special, add_bos)}, separators=(",", ":")) + "\n"


def main():
    model, out = sys.argv[1:]
    rnd = random.Random(7)
    with open(os.path.join(out, "tokenizer_model_cases.jsonl"), "w") as file:
        file.writelines(lines(Peer(model), TEXTS + [random_text(rnd) for _ in range(60)], {}))
    with open(os.path.join(out, "tokenizer_pair_cases.jsonl"), "w") as file, tempfile.TemporaryDirectory() as folder:
        for pre in PRES:
            path = os.path.join(folder, pre + ".gguf")
            write_pair_model(path, pre)
            file.writelines(lines(Peer(path), TEXTS + [random_text(rnd) for _ in range(10)], {"pre": pre}))


main()
