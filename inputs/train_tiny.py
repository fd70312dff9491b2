"""Train the tiny Qwen3-MoE model from nothing and write it in the published form.

    python train_tiny.py --output models/tiny-qwen3-moe

takes about a quarter of an hour on two cores, no GPU and no data: the prompts of tiny_tasks.py are
made up on the fly. At the end the written folder is loaded into Hugging Face transformers, which
answers 2,000 held-out prompts; the script fails if fewer than 99.5 % are right or an expert of some
layer gets less than 1 % of its tokens. Training again reaches the bar again, though not with the
same bytes. Versions of the packages it was run with: tests/golden/requirements.txt.

PyTorch's threads wait for the slowest of them: on a busy machine OMP_NUM_THREADS=1 is the faster.
"""

import argparse
import math
import pathlib
import random
import sys
import time

import tokenizers
import torch
import torch.nn.functional as F
from torch import nn

import tiny_tasks
from checkpoint import write_model
from tiny_tokenizer import VOCAB_SIZE, write_tokenizer

CONFIG = {
    "head_dim": 32,
    "hidden_size": 128,
    "intermediate_size": 256,      # of dense layers, of which this model has none
    "moe_intermediate_size": 64,
    "num_attention_heads": 4,
    "num_experts": 16,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
}
SHARDS = 2

STEPS = 2400
BATCH = 256
LEARNING_RATE = 2e-3
WARM_UP = 100
WEIGHT_DECAY = 0.05
BALANCE = 0.003                    # weight of the load-balancing loss; 0.001 starves some experts
TASK_WEIGHTS = {"add": 4, "sort": 1.5, "rev": 1, "count": 4, "max": 1, "upper": 1}

EVALUATION_PROMPTS = 2000
LEAST_ACCURACY = 0.995
LEAST_EXPERT_LOAD = 0.01


# --- The model: Qwen3-MoE as in transformers, with the experts' weights stacked for speed --------

def normal(*shape, std):
    return nn.Parameter(torch.randn(*shape) * std)


class Batch:
    """Prompts with their answers, packed: the tokens of all of them one behind the other. Only the
    attention sees them as rows padded to one length.

    tokens, position, target, weight: one per token. A target is the next token where that is part
    of the answer, else -1; weight is one over the length of the answer and the number of prompts.
    """

    def __init__(self, pairs):
        sequences = [prompt + answer[:-1] for prompt, answer in pairs]
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        self.tokens = torch.tensor([token for sequence in sequences for token in sequence])
        self.target = torch.tensor([
            token for prompt, answer in pairs for token in [-1] * (len(prompt) - 1) + answer])
        answer_lengths = torch.tensor([len(answer) for _, answer in pairs])
        self.weight = (1 / (answer_lengths * len(pairs))).repeat_interleave(lengths)

        # Padding repeats the first token of the batch: causal attention never looks at it.
        self.shape = (len(pairs), int(lengths.max()))
        real = torch.arange(self.shape[1]) < lengths[:, None]
        self.position = real.nonzero()[:, 1]
        self.real = real.flatten().nonzero()[:, 0]
        self.row_of_slot = torch.zeros(real.numel(), dtype=torch.long)
        self.row_of_slot[self.real] = torch.arange(len(self.tokens))

    def pad(self, x):
        """[tokens]... to [prompts][longest]..."""
        return x.index_select(0, self.row_of_slot).unflatten(0, self.shape)

    def unpad(self, x):
        return x.flatten(0, 1).index_select(0, self.real)


class Attention(nn.Module):
    """Causal attention with grouped key-value heads, RMS-normalised queries and keys, and RoPE."""

    def __init__(self):
        super().__init__()
        hidden, self.head_dim = CONFIG["hidden_size"], CONFIG["head_dim"]
        self.heads, self.kv_heads = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"]
        residual_scale = (2 * CONFIG["num_hidden_layers"]) ** -0.5
        self.q = normal(self.heads * self.head_dim, hidden, std=hidden ** -0.5)
        self.k = normal(self.kv_heads * self.head_dim, hidden, std=hidden ** -0.5)
        self.v = normal(self.kv_heads * self.head_dim, hidden, std=hidden ** -0.5)
        inner = self.heads * self.head_dim
        self.o = normal(hidden, inner, std=inner ** -0.5 * residual_scale)
        self.q_norm = nn.RMSNorm(self.head_dim, CONFIG["rms_norm_eps"])
        self.k_norm = nn.RMSNorm(self.head_dim, CONFIG["rms_norm_eps"])
        frequency = CONFIG["rope_theta"] ** (-torch.arange(0, self.head_dim, 2) / self.head_dim)
        self.register_buffer("frequency", torch.cat([frequency, frequency]))

    def rotate(self, x, angle):
        """RoPE: the two halves of a head are the coordinates that turn by the position's angles."""
        half = self.head_dim // 2
        turned = torch.cat([-x[..., half:], x[..., :half]], -1)
        return x * angle.cos() + turned * angle.sin()

    def forward(self, x, batch):
        angle = batch.position[:, None, None] * self.frequency
        split = (len(x), -1, self.head_dim)
        q = self.rotate(self.q_norm(F.linear(x, self.q).view(split)), angle)
        k = self.rotate(self.k_norm(F.linear(x, self.k).view(split)), angle)
        v = F.linear(x, self.v).view(split)
        q, k, v = (batch.pad(part).transpose(1, 2) for part in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return F.linear(batch.unpad(y.transpose(1, 2)).flatten(1), self.o)


class Experts(nn.Module):
    """The router and its experts, over tokens [n][hidden]. Keeps the last load-balancing loss."""

    def __init__(self):
        super().__init__()
        hidden, inner = CONFIG["hidden_size"], CONFIG["moe_intermediate_size"]
        self.experts, self.top_k = CONFIG["num_experts"], CONFIG["num_experts_per_tok"]
        residual_scale = (2 * CONFIG["num_hidden_layers"]) ** -0.5
        self.router = normal(self.experts, hidden, std=0.02)
        self.gate_up = normal(self.experts, 2 * inner, hidden, std=hidden ** -0.5)
        self.down = normal(self.experts, hidden, inner, std=inner ** -0.5 * residual_scale)

    def forward(self, x):
        probs = F.linear(x, self.router).softmax(-1)
        weight, expert = probs.topk(self.top_k, -1)
        weight = weight / weight.sum(-1, keepdim=True)

        # Rows in order of their expert: row i of the sorted ones is token order[i] // top_k.
        order = expert.flatten().argsort()
        counts = expert.flatten().bincount(minlength=self.experts)
        rows = x.index_select(0, order // self.top_k).split(counts.tolist())
        inner = []
        for e, part in enumerate(rows):
            gate, up = F.linear(part, self.gate_up[e]).chunk(2, -1)
            inner.append(F.silu(gate) * up)
        weighted = torch.cat(inner) * weight.flatten()[order, None]
        outputs = [F.linear(part, self.down[e])
                   for e, part in enumerate(weighted.split(counts.tolist()))]
        y = torch.cat(outputs).index_select(0, order.argsort()).view(len(x), self.top_k, -1).sum(1)

        # Switch Transformer's loss: 1 where tokens and probability are spread evenly, else more.
        self.balance = self.experts * (counts / counts.sum() * probs.mean(0)).sum()
        return y


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm = nn.RMSNorm(CONFIG["hidden_size"], CONFIG["rms_norm_eps"])
        self.attention = Attention()
        self.experts_norm = nn.RMSNorm(CONFIG["hidden_size"], CONFIG["rms_norm_eps"])
        self.experts = Experts()


class TinyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = normal(VOCAB_SIZE, CONFIG["hidden_size"], std=1.0)
        self.layers = nn.ModuleList(Layer() for _ in range(CONFIG["num_hidden_layers"]))
        self.norm = nn.RMSNorm(CONFIG["hidden_size"], CONFIG["rms_norm_eps"])
        self.head = normal(VOCAB_SIZE, CONFIG["hidden_size"], std=0.02)

    def forward(self, batch):
        """The logits that the targets of the batch are for."""
        x = F.embedding(batch.tokens, self.embedding)
        for layer in self.layers:
            x = x + layer.attention(layer.attention_norm(x), batch)
            x = x + layer.experts(layer.experts_norm(x))
        return F.linear(self.norm(x)[batch.target >= 0], self.head)

    def balance(self):
        return torch.stack([layer.experts.balance for layer in self.layers]).mean()

    def published_tensors(self):
        """All weights under the names and in the order of the published files."""
        tensors = {"lm_head": self.head, "model.embed_tokens": self.embedding}
        for i, layer in enumerate(self.layers):
            base, attention, experts = f"model.layers.{i}", layer.attention, layer.experts
            tensors |= {
                f"{base}.self_attn.q_proj": attention.q,
                f"{base}.self_attn.k_proj": attention.k,
                f"{base}.self_attn.v_proj": attention.v,
                f"{base}.self_attn.o_proj": attention.o,
                f"{base}.self_attn.q_norm": attention.q_norm.weight,
                f"{base}.self_attn.k_norm": attention.k_norm.weight,
                f"{base}.mlp.gate": experts.router,
            }
            for e in range(CONFIG["num_experts"]):
                gate, up = experts.gate_up[e].chunk(2)
                tensors |= {
                    f"{base}.mlp.experts.{e}.gate_proj": gate,
                    f"{base}.mlp.experts.{e}.up_proj": up,
                    f"{base}.mlp.experts.{e}.down_proj": experts.down[e],
                }
            tensors |= {
                f"{base}.input_layernorm": layer.attention_norm.weight,
                f"{base}.post_attention_layernorm": layer.experts_norm.weight,
            }
        tensors["model.norm"] = self.norm.weight
        return {f"{name}.weight": tensor for name, tensor in tensors.items()}


# --- Training ------------------------------------------------------------------------------------

def draw_batch(rng, tokenizer, end_of_text):
    names = rng.choices(list(TASK_WEIGHTS), list(TASK_WEIGHTS.values()), k=BATCH)
    pairs = [tiny_tasks.sample(rng, name, held_out=False) for name in names]
    prompts = tokenizer.encode_batch([prompt for prompt, _ in pairs])
    answers = tokenizer.encode_batch([answer for _, answer in pairs])
    return Batch([(p.ids, a.ids + [end_of_text]) for p, a in zip(prompts, answers)])


def loss_of(logits, batch):
    """Cross-entropy with each prompt weighted alike, however long its answer: `count` answers with
    a single digit, and is not learned when every token weighs the same."""
    wanted = batch.target >= 0
    losses = F.cross_entropy(logits, batch.target[wanted], reduction="none")
    return (losses * batch.weight[wanted]).sum()


def schedule(step):
    """Linear warm-up, then a cosine down to 2 %."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / STEPS))
    return min(1, (step + 1) / WARM_UP) * (0.02 + 0.98 * cosine)


def train(model, rng, tokenizer, end_of_text):
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": WEIGHT_DECAY},
         {"params": vectors, "weight_decay": 0.0}], betas=(0.9, 0.98), fused=True)
    start = time.monotonic()
    for step in range(STEPS):
        batch = draw_batch(rng, tokenizer, end_of_text)
        loss = loss_of(model(batch), batch)
        optimizer.zero_grad()
        (loss + BALANCE * model.balance()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * schedule(step)
        optimizer.step()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1} of {STEPS}, {time.monotonic() - start:.0f} s: "
                  f"loss {loss.item():.4f}, balance {model.balance().item():.2f}", flush=True)


# --- Evaluation under transformers ---------------------------------------------------------------

@torch.no_grad()
def answers_of(model, tokenizer, prompts, end_of_text, longest=12):
    """Greedy answers, one batch for all prompts of one length, so that nothing is padded."""
    by_length = {}
    for i, encoding in enumerate(tokenizer.encode_batch(prompts)):
        by_length.setdefault(len(encoding.ids), []).append((i, encoding.ids))
    answers = [""] * len(prompts)
    for group in by_length.values():
        sequences = torch.tensor([ids for _, ids in group])
        for _ in range(longest):
            logits = model(sequences, use_cache=False, logits_to_keep=1).logits[:, -1]
            sequences = torch.cat([sequences, logits.argmax(-1, keepdim=True)], 1)
        for (i, ids), sequence in zip(group, sequences.tolist()):
            answer = sequence[len(ids):]
            if end_of_text in answer:
                answer = answer[:answer.index(end_of_text)]
            answers[i] = tokenizer.decode(answer)
    return answers


def evaluate(folder, tokenizer, end_of_text):
    """Print accuracy by task and the load of the experts; return (accuracy, least load)."""
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    routers = [layer.mlp.gate for layer in model.model.layers]
    loads = [torch.zeros(CONFIG["num_experts"]) for _ in routers]
    for load, router in zip(loads, routers):
        def count_pairs(_module, _inputs, outputs, load=load):
            load += outputs[2].flatten().bincount(minlength=len(load))
        router.register_forward_hook(count_pairs)

    rng = random.Random(99)
    names = [list(tiny_tasks.TASKS)[i % len(tiny_tasks.TASKS)] for i in range(EVALUATION_PROMPTS)]
    pairs = [tiny_tasks.sample(rng, name, held_out=True) for name in names]
    answers = answers_of(model, tokenizer, [prompt for prompt, _ in pairs], end_of_text)
    right = [given == answer for given, (_, answer) in zip(answers, pairs)]
    for task in tiny_tasks.TASKS:
        of_task = [ok for ok, name in zip(right, names) if name == task]
        print(f"{task:6} {sum(of_task)} of {len(of_task)} right")
    for i, load in enumerate(loads):
        load /= load.sum()
        print(f"layer {i}: experts get {load.min():.1%} to {load.max():.1%} of the tokens' choices")
    accuracy, least_load = sum(right) / len(right), min(load.min().item() for load in loads)
    print(f"{accuracy:.2%} of {len(right)} held-out prompts right")
    return accuracy, least_load


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder to write")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    arguments.output.mkdir(parents=True, exist_ok=True)
    end_of_text = write_tokenizer(arguments.output)
    tokenizer = tokenizers.Tokenizer.from_file(str(arguments.output / "tokenizer.json"))
    torch.manual_seed(arguments.seed)
    model = TinyModel()
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, random.Random(arguments.seed), tokenizer, end_of_text)
    write_model(arguments.output, CONFIG, model.published_tensors(), SHARDS)
    accuracy, least_load = evaluate(arguments.output, tokenizer, end_of_text)
    if accuracy < LEAST_ACCURACY or least_load < LEAST_EXPERT_LOAD:
        sys.exit("the bar was not reached: train again with another --seed")


if __name__ == "__main__":
    main()
