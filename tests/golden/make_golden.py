"""Write the golden files: what transformers computes in float32 for 20 prompts of a model.

    python make_golden.py tiny awkward

needs the packages of requirements.txt at exactly these versions (others give other last bits).
For each name it writes NAME.safetensors, where NN is 00 to 19,

    NN.tokens   I32 [length]          the prompt
    NN.logits   F32 [length][vocab]   the logits at every position of the prompt
    NN.greedy   I32 [64]              the 64 most likely next tokens, going on after an end of text

and NAME.json, a list of {"text", "tokens", "greedy_text"} for the same prompts. Weights are the
stored bfloat16 ones, everything else is float32.

A prompt with a near tie is dropped and another one drawn, because there a correct program may well
choose differently: where the probabilities of the last expert chosen and the first one left out are
within 1e-4 of each other (at any layer and position, generated ones too), or where the two largest
logits at a generated position are within 1e-3 of the largest.
"""

import argparse
import json
import pathlib
import platform
import random
import sys

import safetensors.torch
import tokenizers
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
INPUTS = HERE.parents[1] / "inputs"
sys.path.insert(0, str(INPUTS))
import tiny_tasks  # noqa: E402

MODELS = {"tiny": INPUTS / "models" / "tiny-qwen3-moe", "awkward": HERE / "awkward"}
SEED = 7
GENERATED = 64
ROUTER_TIE = 1e-4
LOGIT_TIE = 1e-3

# One prompt each: a number is a text of so many tokens, a name a prompt of that task. The long ones
# are there to cross pages of the KV cache and context splits, on both sides of a power of two.
PROMPTS = [
    1, 2, 5, *tiny_tasks.TASKS, *tiny_tasks.TASKS, 33, 64, 65, 100, 150,
]

# Beside task prompts, long texts hold what the tokenizer merges, and bytes that no task uses.
SPICE = ["\n\n", "    ", " == ", "...", "it's ", "café ", "中文 ", "😀 ", "Größe\t", "नमस्ते "]


def text_of_length(rng, tokenizer, length):
    """Solved tasks and other text, cut to `length` tokens."""
    text = ""
    while len(tokenizer.encode(text).ids) < length:
        prompt, answer = tiny_tasks.sample(rng, rng.choice(list(tiny_tasks.TASKS)), held_out=True)
        text += rng.choice([f"{prompt}{answer}\n", rng.choice(SPICE), rng.choice(SPICE)])
    while len(tokenizer.encode(text).ids) > length:
        text = text[:-1]
    return text


def draw_prompt(rng, tokenizer, kind):
    """A text and its tokens; a character of several tokens at the cut means drawing again."""
    while True:
        if isinstance(kind, str):
            text, _ = tiny_tasks.sample(rng, kind, held_out=True)
        else:
            text = text_of_length(rng, tokenizer, kind)
        tokens = tokenizer.encode(text).ids
        if isinstance(kind, str) or len(tokens) == kind:
            return text, tokens


class Reference:
    """A model under transformers, which also notes the smallest router gap of a forward pass."""

    def __init__(self, folder):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager",
            experts_implementation="eager",
        ).eval()
        self.router_gap = 1.0
        routers = [layer.mlp.gate for layer in self.model.model.layers
                   if hasattr(layer.mlp, "experts")]
        for router in routers:
            router.register_forward_hook(self.note_router_gap)

    def note_router_gap(self, router, inputs, _outputs):
        logits = torch.nn.functional.linear(inputs[0], router.weight)
        sorted_probs = logits.softmax(-1).flatten(0, -2).sort(-1, descending=True).values
        last_in, first_out = sorted_probs[:, router.top_k - 1], sorted_probs[:, router.top_k]
        self.router_gap = min(self.router_gap, (1 - first_out / last_in).min().item())

    @torch.no_grad()
    def logits(self, tokens):
        self.router_gap = 1.0
        return self.model(torch.tensor([tokens]), use_cache=False).logits[0]


def golden(reference, tokens):
    """(logits of the prompt, greedy tokens), or None where there is a near tie."""
    logits = reference.logits(tokens)
    sequence = list(tokens)
    for _ in range(GENERATED):
        last = reference.logits(sequence)[-1]
        top = last.topk(2)
        if top.values[0] - top.values[1] < LOGIT_TIE * last.abs().max():
            return None
        sequence.append(top.indices[0].item())
        if reference.router_gap < ROUTER_TIE:
            return None
    return logits, sequence[len(tokens):]


def make(name):
    reference = Reference(MODELS[name])
    tokenizer = tokenizers.Tokenizer.from_file(str(MODELS[name] / "tokenizer.json"))
    rng = random.Random(SEED)
    tensors, texts, dropped = {}, [], 0
    for i, kind in enumerate(PROMPTS):
        while True:
            text, tokens = draw_prompt(rng, tokenizer, kind)
            found = golden(reference, tokens)
            if found:
                break
            dropped += 1
        logits, greedy = found
        tensors[f"{i:02d}.tokens"] = torch.tensor(tokens, dtype=torch.int32)
        tensors[f"{i:02d}.logits"] = logits.contiguous()
        tensors[f"{i:02d}.greedy"] = torch.tensor(greedy, dtype=torch.int32)
        texts.append({"text": text, "tokens": tokens, "greedy_text": tokenizer.decode(greedy)})

    safetensors.torch.save_file(tensors, HERE / f"{name}.safetensors", metadata={
        "model": name,
        "script": pathlib.Path(__file__).name,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    })
    (HERE / f"{name}.safetensors").chmod(0o644)
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in texts)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{name}: {len(PROMPTS)} prompts, {dropped} dropped for a near tie")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=list(MODELS), metavar="NAME")
    arguments = parser.parse_args()
    torch.use_deterministic_algorithms(True)
    transformers.logging.disable_progress_bar()
    for model_name in arguments.names:
        make(model_name)
