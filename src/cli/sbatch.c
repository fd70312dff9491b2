/* sbatch.c - see sbatch.h. */
#include "cli/sbatch.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

/* A word for the shell, in quotes. */
static int quoted(struct mix_str *out, const char *word)
{
    int rc = MIX_OK;

    TRY(mix_str_addf(out, "'"));
    for (; *word; word++)
        TRY(*word == '\'' ? mix_str_addf(out, "'\\''") : mix_str_add(out, word, 1));
    TRY(mix_str_addf(out, "'"));
out:
    return rc;
}

/* Where nothing says how fast links are, `run` takes its own chunks for want of an answer. */
static int uncut(const struct mix_plan *p, struct mix_str *out)
{
    if (!mix_exchange_chunked(p->exchange) || p->chunks > 1)
        return MIX_OK;
    return mix_str_addf(out, " \\\n    %s", p->chunks ? "--chunks 1" : "--async off");
}

/* The options that were given and that decide results or limits, as they were. */
static int kept(const struct mix_sbatch *s, struct mix_str *out)
{
    const struct mix_options *o = s->o;
    int rc = MIX_OK;

    if (strcmp(o->dtype, "auto"))
        TRY(mix_str_addf(out, " \\\n    --dtype %s", o->dtype));
    if (strcmp(o->wire_dtype, "auto"))
        TRY(mix_str_addf(out, " \\\n    --wire-dtype %s", o->wire_dtype));
    if (o->chunks)
        TRY(mix_str_addf(out, " \\\n    --chunks %lld", (long long)o->chunks));
    else if (strcmp(o->async, "on"))
        TRY(mix_str_addf(out, " \\\n    --async %s", o->async));
    else if (!o->machine) /* that plans them anew */
        TRY(uncut(s->plan, out));
    if (o->max_tokens >= 0)
        TRY(mix_str_addf(out, " \\\n    --max-tokens %lld", (long long)o->max_tokens));
    if (o->max_num_seqs)
        TRY(mix_str_addf(out, " \\\n    --max-num-seqs %lld", (long long)o->max_num_seqs));
    if (o->max_num_batched_tokens)
        TRY(mix_str_addf(out, " \\\n    --max-num-batched-tokens %lld",
                         (long long)o->max_num_batched_tokens));
    if (o->max_model_len)
        TRY(mix_str_addf(out, " \\\n    --max-model-len %lld", (long long)o->max_model_len));
    if (o->kv_memory)
        TRY(mix_str_addf(out, " \\\n    --kv-memory %lld", (long long)o->kv_memory));
    if (o->domain_size || s->plan->domain_size != s->each)
        TRY(mix_str_addf(out, " \\\n    --domain-size %d", s->plan->domain_size));
    if (o->machine) { /* what it says of steps, and of chunks */
        TRY(mix_str_addf(out, " \\\n    --machine "));
        TRY(quoted(out, o->machine));
    }
out:
    return rc;
}

int mix_sbatch(const struct mix_sbatch *s, struct mix_str *out)
{
    const struct mix_plan *p = s->plan;
    int rc, minutes = (int)(s->seconds * 1.5 / 60 < 1e6 ? s->seconds * 1.5 / 60 : 1e6) + 30;

    TRY(mix_str_addf(out,
                     "#!/bin/bash\n"
                     "#SBATCH --job-name=mixserve\n"
                     "#SBATCH --nodes=%d\n"
                     "#SBATCH --ntasks-per-node=%d\n",
                     s->nodes, s->each));
    if (s->gpus)
        TRY(mix_str_addf(out,
                         "# needs a mixserve with kernels for these devices\n"
                         "#SBATCH --gpus-per-node=%d\n",
                         s->each));
    else
        TRY(mix_str_addf(out, "# all cores and all memory of the nodes, as planned\n"
                              "#SBATCH --exclusive\n"
                              "#SBATCH --mem=0\n"));
    TRY(mix_str_addf(out,
                     "#SBATCH --time=%d:%02d:00\n"
                     "#SBATCH --requeue\n"
                     "#SBATCH --open-mode=append\n"
                     "# TERM two minutes before the end: mixserve seals what it has, code 75\n"
                     "#SBATCH --signal=TERM@120\n\n"
                     "srun --distribution=block",
                     minutes / 60, minutes % 60));
    if (!s->gpus)
        TRY(mix_str_addf(out, " --cpus-per-task=$((SLURM_CPUS_ON_NODE / %d))", s->each));
    TRY(mix_str_addf(out, " mixserve run \\\n    --model "));
    TRY(quoted(out, s->o->model));
    TRY(mix_str_addf(out, " \\\n    --input "));
    TRY(quoted(out, s->o->input ? s->o->input : "prompts.h5"));
    TRY(mix_str_addf(out,
                     " \\\n    --output results.h5 \\\n    -tp %d -dp %d -etp %d -ep %d -edp %d "
                     "--exchange %s",
                     p->numeric.tp, p->dp, p->numeric.etp, p->ep, p->edp,
                     mix_exchange_kind_name(p->exchange)));
    TRY(kept(s, out));
    TRY(mix_str_addf(out, "\ncode=$?\n"
                          "[ $code = 75 ] && scontrol requeue \"$SLURM_JOB_ID\"\n"
                          "exit $code\n"));
out:
    return rc;
}
