"""Write a Qwen3-MoE model in the form in which such models are published on Hugging Face.

config.json, generation_config.json, tokenizer.json, tokenizer_config.json, bfloat16 weights in
safetensors shards, and model.safetensors.index.json. train_tiny.py writes the tiny model with it,
tests/golden/make_awkward.py the random one.
"""

import pathlib

import torch
from safetensors.torch import save_file

from tiny_tokenizer import VOCAB_SIZE, write_json, write_tokenizer

# Every field of the published config.json of Qwen3-30B-A3B; a model overrides what differs.
CONFIG = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": None,
    "decoder_sparse_step": 1,
    "eos_token_id": None,
    "head_dim": None,
    "hidden_act": "silu",
    "hidden_size": None,
    "initializer_range": 0.02,
    "intermediate_size": None,
    "max_position_embeddings": 4096,
    "max_window_layers": None,
    "mlp_only_layers": [],
    "model_type": "qwen3_moe",
    "moe_intermediate_size": None,
    "norm_topk_prob": True,
    "num_attention_heads": None,
    "num_experts": None,
    "num_experts_per_tok": None,
    "num_hidden_layers": None,
    "num_key_value_heads": None,
    "output_router_logits": False,
    "rms_norm_eps": 1e-6,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "router_aux_loss_coef": 0.001,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.51.0",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": VOCAB_SIZE,
}


def write_weights(folder, tensors, shards):
    """Cut the tensors, in their order, into `shards` files of about equal size, and index them."""
    total = sum(tensor.numel() for tensor in tensors.values())
    parts = [{} for _ in range(shards)]
    seen = 0
    for name, tensor in tensors.items():
        parts[seen * shards // total][name] = tensor.detach().to(torch.bfloat16).contiguous()
        seen += tensor.numel()

    weight_map = {}
    for i, part in enumerate(parts):
        file = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        save_file(part, folder / file, metadata={"format": "pt"})
        (folder / file).chmod(0o644)
        weight_map.update(dict.fromkeys(part, file))
    write_json(folder / "model.safetensors.index.json", {
        "metadata": {"total_size": 2 * total},
        "weight_map": dict(sorted(weight_map.items())),
    })


def write_model(folder, config, tensors, shards):
    """Write the whole folder. `config` holds the fields that differ from CONFIG."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    end_of_text = write_tokenizer(folder)
    write_weights(folder, tensors, shards)
    write_json(folder / "config.json", CONFIG | config | {
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "max_window_layers": config["num_hidden_layers"],
    })
    write_json(folder / "generation_config.json", {
        "bos_token_id": end_of_text,
        "do_sample": False,
        "eos_token_id": [end_of_text],
        "pad_token_id": end_of_text,
        "transformers_version": "4.51.0",
    })
