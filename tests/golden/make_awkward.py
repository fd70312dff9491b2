"""Write tests/golden/awkward/: a random Qwen3-MoE model in which no size is a round one.

It holds what the tiny model does not: head_dim that is not hidden / heads, one key-value head for
all query heads, experts and top-k that no power of two divides, a dense layer among the MoE layers,
tied embeddings, router weights that are not normalised, and another eps and theta. The scales of
the weights are chosen so that routing and logits are far from uniform and greedy text does not fall
into a loop at once, yet a rounding to bfloat16 moves the logits little (KL about 4e-4: livelier
models are chaotic). The same seed and torch version give the same file.
"""

import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "inputs"))
from checkpoint import write_model  # noqa: E402
from tiny_tokenizer import VOCAB_SIZE  # noqa: E402

SEED = 20
SHARDS = 3
CONFIG = {
    "head_dim": 48,
    "hidden_size": 96,
    "intermediate_size": 112,
    "mlp_only_layers": [1],
    "moe_intermediate_size": 40,
    "norm_topk_prob": False,
    "num_attention_heads": 4,
    "num_experts": 6,
    "num_experts_per_tok": 3,
    "num_hidden_layers": 4,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-5,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
}


def random_weights(config, seed):
    """All tensors by their published names, in the order of the published files."""
    generator = torch.Generator().manual_seed(seed)
    hidden, head_dim = config["hidden_size"], config["head_dim"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    tensors = {}

    def matrix(name, rows, columns, gain):
        scale = gain / columns ** 0.5
        tensors[f"{name}.weight"] = torch.randn(rows, columns, generator=generator) * scale

    def norm(name, size, mean):
        tensors[f"{name}.weight"] = mean + 0.2 * torch.randn(size, generator=generator)

    def swiglu(name, inner):
        matrix(f"{name}.gate_proj", inner, hidden, 1.5)
        matrix(f"{name}.up_proj", inner, hidden, 1.5)
        matrix(f"{name}.down_proj", hidden, inner, 1.5)

    # Tied embeddings: the rows are logits' directions too, hence much smaller than the layers' sum.
    matrix("model.embed_tokens", VOCAB_SIZE, hidden, 1.7)
    for layer in range(config["num_hidden_layers"]):
        base = f"model.layers.{layer}"
        matrix(f"{base}.self_attn.q_proj", heads * head_dim, hidden, 1.0)
        matrix(f"{base}.self_attn.k_proj", kv_heads * head_dim, hidden, 1.0)
        matrix(f"{base}.self_attn.v_proj", kv_heads * head_dim, hidden, 1.0)
        matrix(f"{base}.self_attn.o_proj", hidden, heads * head_dim, 2.0)
        norm(f"{base}.self_attn.q_norm", head_dim, 1.0)
        norm(f"{base}.self_attn.k_norm", head_dim, 1.0)
        if layer in config["mlp_only_layers"]:
            swiglu(f"{base}.mlp", config["intermediate_size"])
        else:
            matrix(f"{base}.mlp.gate", config["num_experts"], hidden, 3.0)
            for expert in range(config["num_experts"]):
                swiglu(f"{base}.mlp.experts.{expert}", config["moe_intermediate_size"])
        norm(f"{base}.input_layernorm", hidden, 1.0)
        norm(f"{base}.post_attention_layernorm", hidden, 1.0)
    norm("model.norm", hidden, 1.0)
    return tensors


if __name__ == "__main__":
    write_model(HERE / "awkward", CONFIG, random_weights(CONFIG, SEED), SHARDS)
