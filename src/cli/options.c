/* options.c - the table; see options.h.  What the table means is in parse.c. */
#include "cli/options.h"

#include <stddef.h>

#define AT(member) offsetof(struct mix_options, member)
#define MODEL      (MIX_CMD_RUN | MIX_CMD_CHECK)

/* Groups are headings of the help, in the order of their first option. */
static const char files[] = "Files", layout[] = "Layout", sampling[] = "Sampling",
                  limits[] = "Limits", output[] = "Output";

const struct mix_option mix_options_table[] = {
    {"model", NULL, MIX_OPT_TEXT, AT(model), NULL, 0, 0, NULL, "DIR",
     "folder with config.json, tokenizer.json, safetensors", MODEL, true, false, files},
    {"model", NULL, MIX_OPT_TEXT, AT(model), NULL, 0, 0, NULL, "DIR",
     "measure with this model's sizes, not those of Qwen3-30B-A3B", MIX_CMD_PROBE, false, false,
     files},
    {"machine", NULL, MIX_OPT_TEXT, AT(machine), NULL, 0, 0, NULL, "FILE",
     "a machine that was saved, instead of measuring", MIX_CMD_PROBE, false, false, files},
    {"save", NULL, MIX_OPT_TEXT, AT(save), NULL, 0, 0, NULL, "FILE",
     "save the machine as JSON, for --machine", MIX_CMD_PROBE, false, false, files},
    {"input", NULL, MIX_OPT_TEXT, AT(input), NULL, 0, 0, NULL, "FILE",
     "prompts: HDF5, or JSON lines as of an OpenAI batch", MODEL, true, false, files},
    {"output", NULL, MIX_OPT_TEXT, AT(output), NULL, 0, 0, NULL, "FILE",
     "results, HDF5; until it is done the job is in FILE.job/", MIX_CMD_RUN, true, false, files},
    {"no-merge", NULL, MIX_OPT_FLAG, AT(no_merge), NULL, 0, 0, NULL, NULL,
     "leave the shards; `mixserve merge` makes the file", MIX_CMD_RUN, false, false, files},

    {"tensor-parallel-size", "tp", MIX_OPT_INT, AT(tp), "0", 0, 65536, NULL, "N",
     "ranks to a copy of attention; 0: as few as memory allows", MIX_CMD_RUN, false, false, layout},
    {"data-parallel-size", "dp", MIX_OPT_INT, AT(dp), "0", 0, 65536, NULL, "N",
     "copies of attention; 0: what the ranks give", MIX_CMD_RUN, false, false, layout},
    {"expert-tensor-parallel-size", "etp", MIX_OPT_INT, AT(etp), "0", 0, 65536, NULL, "N",
     "ranks to a copy of every expert; 0: as tp", MIX_CMD_RUN, false, false, layout},
    {"expert-data-parallel-size", "edp", MIX_OPT_INT, AT(edp), "0", 0, 65536, NULL, "N",
     "copies of the experts; 0: what the ranks give", MIX_CMD_RUN, false, false, layout},
    {"domain-size", NULL, MIX_OPT_INT, AT(domain_size), "0", 0, 65536, NULL, "N",
     "ranks that share the fast link; 0: those of a host", MIX_CMD_PROBE, false, false, layout},
    {"dtype", NULL, MIX_OPT_CHOICE, AT(dtype), "auto", 0, 0, "auto|bfloat16|float32", "TYPE",
     "of matrix operands; auto: bfloat16 if the CPU has it", MIX_CMD_RUN, false, false, layout},
    {"threads", NULL, MIX_OPT_INT, AT(threads), "0", 0, 1024, NULL, "N",
     "threads of a rank; 0: its cpus, shared fairly", MIX_CMD_RUN | MIX_CMD_PROBE, false, false,
     layout},

    {"max-tokens", NULL, MIX_OPT_INT, AT(max_tokens), "-1", -1, 1 << 20, NULL, "N",
     "longest answer; -1: up to max-model-len", MODEL, false, true, sampling},
    {"temperature", NULL, MIX_OPT_FLOAT, AT(temperature), "1", 0, 100, NULL, "X",
     "0: the most likely token, always", MODEL, false, true, sampling},
    {"top-p", NULL, MIX_OPT_FLOAT, AT(top_p), "1", 1e-9, 1, NULL, "X",
     "draw from the most likely tokens that sum to X", MODEL, false, true, sampling},
    {"top-k", NULL, MIX_OPT_INT, AT(top_k), "0", 0, 1 << 30, NULL, "N",
     "draw from the N most likely tokens; 0: from all", MODEL, false, true, sampling},
    {"seed", NULL, MIX_OPT_INT, AT(seed), "0", -9e18, 9e18, NULL, "N",
     "same seed, same answers, on any number of ranks", MODEL, false, true, sampling},
    {"ignore-eos", NULL, MIX_OPT_FLAG, AT(ignore_eos), NULL, 0, 0, NULL, NULL,
     "go on after the model's end token", MIX_CMD_RUN, false, true, sampling},

    {"max-num-seqs", NULL, MIX_OPT_INT, AT(max_num_seqs), "0", 0, 1 << 20, NULL, "N",
     "sequences of a replica at once; 0: 256 if memory allows", MIX_CMD_RUN, false, false, limits},
    {"max-num-batched-tokens", NULL, MIX_OPT_INT, AT(max_num_batched_tokens), "0", 0, 1 << 24, NULL,
     "N", "tokens of a replica's step; 0: 2048", MIX_CMD_RUN, false, false, limits},
    {"max-model-len", NULL, MIX_OPT_INT, AT(max_model_len), "0", 0, 1 << 24, NULL, "N",
     "longest prompt with answer; 0: what model and memory allow", MODEL, false, true, limits},
    {"kv-memory", NULL, MIX_OPT_SIZE, AT(kv_memory), "0", 0, 1e15, NULL, "SIZE",
     "keys and values of a rank; 0: half of what weights leave", MIX_CMD_RUN, false, false, limits},
    {"max-errors", NULL, MIX_OPT_INT, AT(max_errors), "-1", -1, 9e15, NULL, "N",
     "more bad rows end the job with code 4; -1: any number", MIX_CMD_RUN, false, false, limits},
    {"max-time", NULL, MIX_OPT_TIME, AT(max_time), "0", 0, 1e9, NULL, "TIME",
     "stop, resumable, after seconds or H:MM:SS; 0: never", MIX_CMD_RUN, false, false, limits},
    {"stall-timeout", NULL, MIX_OPT_TIME, AT(stall_timeout), "120", 1, 1e6, NULL, "TIME",
     "give up on a rank that is silent for so long", MIX_CMD_RUN | MIX_CMD_PROBE, false, false,
     limits},

    {"json", NULL, MIX_OPT_FLAG, AT(json), NULL, 0, 0, NULL, NULL,
     "print the result as one JSON document", MIX_CMD_ALL & ~MIX_CMD_CONVERT, false, false, output},
    {"verbose", "v", MIX_OPT_FLAG, AT(verbose), NULL, 0, 0, NULL, NULL, "say more", MIX_CMD_ALL,
     false, false, output},
    {"quiet", "q", MIX_OPT_FLAG, AT(quiet), NULL, 0, 0, NULL, NULL, "only warnings and errors",
     MIX_CMD_ALL, false, false, output},
    {"help", "h", MIX_OPT_FLAG, AT(help), NULL, 0, 0, NULL, NULL, "this text", MIX_CMD_ALL, false,
     false, output},
};

const int mix_options_count = (int)(sizeof mix_options_table / sizeof mix_options_table[0]);
