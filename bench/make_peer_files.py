#!/usr/bin/env python3
"""Makes what the peers read from a quantised GGUF: the same weights in float32 and Q8_0, and the prompt's token ids.

usage: make_peer_files.py MODEL.gguf TEXT_FILE OUT_DIR

OUT_DIR/model-f32.gguf   for llama.cpp
OUT_DIR/model-q8_0.gguf  the same, matrices in Q8_0, rounded from the float32 weights
OUT_DIR/hf/              config.json and model.safetensors, for transformers (which reads this faster than GGUF)
OUT_DIR/ids.json         token ids of TEXT_FILE by llama.cpp: transformers converts this model's tokenizer wrongly
Does nothing for what is already there.
"""
import json
import os
import sys

import gguf
from gguf.constants import GGMLQuantizationType, GGUFValueType, LlamaFileType
from gguf.quants import dequantize, quantize

OWN_FIELDS = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")


def write_gguf(source, target, matrix_type, file_type):
    """Copies metadata as it is, matrices as matrix_type and vectors as float32."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    writer.add_file_type(file_type)
    for name, field in reader.fields.items():
        if name.startswith(OWN_FIELDS):
            continue
        value_type = field.types[0]
        element_type = field.types[-1] if value_type == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), value_type, sub_type=element_type)
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype("float32")
        own_type = matrix_type if values.ndim > 1 else GGMLQuantizationType.F32
        writer.add_tensor(tensor.name, quantize(values, own_type), raw_dtype=own_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_safetensors(source, target):
    import torch
    from transformers import AutoModelForCausalLM

    folder, name = os.path.split(os.path.abspath(source))
    decoded = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    # A model that came from GGUF counts as quantised, and those are not saved: hand its weights to a plain one.
    config = decoded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(decoded.state_dict())
    plain.save_pretrained(target)


def write_ids(source, text_file, target):
    from llama_cpp import Llama

    vocabulary = Llama(source, vocab_only=True, verbose=False)
    with open(text_file, "rb") as file:
        ids = vocabulary.tokenize(file.read(), add_bos=False, special=False)
    with open(target, "w") as file:
        json.dump(ids, file)


def main():
    source, text_file, out_dir = sys.argv[1:]
    os.makedirs(out_dir, exist_ok=True)
    steps = (
        ("model-f32.gguf", lambda path: write_gguf(source, path, GGMLQuantizationType.F32, LlamaFileType.ALL_F32)),
        ("model-q8_0.gguf", lambda path: write_gguf(source, path, GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0)),
        ("hf", lambda path: write_safetensors(source, path)),
        ("ids.json", lambda path: write_ids(source, text_file, path)),
    )
    for name, make in steps:
        path = os.path.join(out_dir, name)
        if not os.path.exists(path):
            make(path + ".part")
            os.rename(path + ".part", path)


if __name__ == "__main__":
    main()
