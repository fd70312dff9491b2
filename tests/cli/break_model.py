"""Make copies of a model folder that are broken in one way each: break_model.py MODEL OUT

Files that stay as they are become links.  Prints nothing.
"""

import json
import os
import shutil
import struct
import sys

model, out = sys.argv[1:]
INDEX = "model.safetensors.index.json"
VICTIM = "model.layers.2.mlp.experts.7.down_proj.weight"


def copy(name, own=()):
    """A folder OUT/name with links to the model's files, and real copies of those in own."""
    folder = os.path.join(out, name)
    os.mkdir(folder)
    for file in os.listdir(model):
        if file in own:
            shutil.copyfile(os.path.join(model, file), os.path.join(folder, file))
        else:
            os.symlink(os.path.join(os.path.abspath(model), file), os.path.join(folder, file))
    return folder


def header(path):
    """The header of a safetensors file, and the bytes behind it."""
    data = open(path, "rb").read()
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def write(path, head, rest):
    text = json.dumps(head).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + rest)


index = json.load(open(os.path.join(model, INDEX)))
shard = index["weight_map"][VICTIM]

# In the header and the index the tensor is gone (its bytes are another name's, so that all are used).
folder = copy("missing", {INDEX, shard})
head, rest = header(os.path.join(folder, shard))
head["model.unheard_of"] = head.pop(VICTIM)
write(os.path.join(folder, shard), head, rest)
changed = json.loads(json.dumps(index))
changed["weight_map"]["model.unheard_of"] = changed["weight_map"].pop(VICTIM)
json.dump(changed, open(os.path.join(folder, INDEX), "w"))

# The tensor has the right number of bytes and the wrong type; one has its dimensions swapped.
folder = copy("mistyped", {shard})
head, rest = header(os.path.join(folder, shard))
head[VICTIM]["dtype"] = "I16"
other = VICTIM.replace("down_proj", "up_proj")
head[other]["shape"].reverse()
write(os.path.join(folder, shard), head, rest)

folder = copy("truncated", {shard})
os.truncate(os.path.join(folder, shard), os.path.getsize(os.path.join(folder, shard)) - 1000)

folder = copy("gone", ())
os.unlink(os.path.join(folder, shard))

folder = copy("small_vocabulary", {"config.json", "generation_config.json"})
os.unlink(os.path.join(folder, "generation_config.json"))
config = json.load(open(os.path.join(folder, "config.json")))
config["vocab_size"] = 260
config["bos_token_id"] = config["eos_token_id"] = 0
json.dump(config, open(os.path.join(folder, "config.json"), "w"))

folder = copy("no_json", {"config.json"})
open(os.path.join(folder, "config.json"), "w").write('{"model_type": "qwen3_moe",')
