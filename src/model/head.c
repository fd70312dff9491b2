/* head.c - logits of the rows that are sampled, whole, at their owners.
 *
 * Owners norm their rows and the replica gathers them; every rank multiplies all of
 * them with its slice of the vocabulary; each row's slices go to its owner.  At
 * most head_rows rows at a time, so that buffers do not grow with the rows that
 * are asked for. */
#include "base/err.h"
#include "model/state.h"

#include <string.h>

/* Samples [first, last) of the step that are handled together, and which of them an owner has. */
struct rows {
    int first, last;
};

/* The first sample that is token t or later. */
static int sample_at(const struct mix_step *s, int t)
{
    int low = 0, high = s->samples;

    while (low < high) {
        int middle = low + (high - low) / 2;

        if (s->sample[middle] < t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct rows owned_by(const struct mix_model *m, int owner, struct rows chunk)
{
    struct mix_part tokens = mix_split(m->step->tokens, m->share.tp, owner);
    struct rows r = {
        .first = sample_at(m->step, tokens.first),
        .last = sample_at(m->step, tokens.first + tokens.count),
    };

    r.first = r.first < chunk.first ? chunk.first : r.first > chunk.last ? chunk.last : r.first;
    r.last = r.last < r.first ? r.first : r.last > chunk.last ? chunk.last : r.last;
    return r;
}

/* act.head_normed: the chunk's rows, normed, everywhere. */
static int gather_rows(struct mix_model *m, struct rows chunk, struct rows mine)
{
    int rc = MIX_OK, count = mine.last - mine.first;
    struct mix_activations *a = &m->act;
    size_t hidden = (size_t)m->arch->hidden, row = hidden * mix_dtype_size(m->type);
    void *my_place = (char *)a->head_normed + (size_t)(mine.first - chunk.first) * row;
    struct mix_pack pack = {
        .y = a->sampled,
        .x = a->x,
        .from = a->from,
        .rows = count,
        .dim = m->arch->hidden,
    };
    struct mix_rmsnorm norm = {
        .y = my_place,
        .x = a->sampled,
        .w = m->weights.norm,
        .type = m->type,
        .tokens = count,
        .dim = m->arch->hidden,
        .eps = m->arch->rms_eps,
    };

    for (int i = 0; i < count; i++)
        m->from[i] = m->step->sample[mine.first + i] - mix_owners_first(m->owners);
    TRY(mix_dev_upload(m->dev, a->from, m->from, (size_t)count * sizeof *m->from));
    TRY(m->kern->pack(m->dev, &pack));
    TRY(m->kern->rmsnorm(m->dev, &norm));
    if (m->share.tp == 1)
        goto out;
    for (int r = 0; r < m->share.tp; r++) {
        struct rows theirs = owned_by(m, r, chunk);

        m->recv_at[r] = (size_t)(theirs.first - chunk.first) * row;
        m->recv_bytes[r] = (size_t)(theirs.last - theirs.first) * row;
    }
    TRY(mix_group_allgather(m->replica, a->head_normed, m->recv_at, m->recv_bytes, my_place));
out:
    return rc;
}

/* act.slice [chunk][my vocabulary] of everybody -> logits [mine][vocab] in host memory. */
static int bring_home(struct mix_model *m, struct rows chunk, struct rows mine, float *logits)
{
    int rc = MIX_OK;
    struct mix_activations *a = &m->act;
    size_t vocab = (size_t)m->arch->vocab, count = (size_t)(mine.last - mine.first);
    size_t slice = sizeof(float) * (size_t)m->share.vocab.count;

    if (m->share.tp == 1) {
        TRY(mix_dev_download(m->dev, logits, a->slice, count * vocab * sizeof *logits));
        goto out;
    }
    for (int r = 0; r < m->share.tp; r++) {
        struct rows theirs = owned_by(m, r, chunk);
        struct mix_part part = mix_split(m->arch->vocab, m->share.tp, r);

        m->send_at[r] = (size_t)(theirs.first - chunk.first) * slice;
        m->send_bytes[r] = (size_t)(theirs.last - theirs.first) * slice;
        m->recv_at[r] = sizeof(float) * count * (size_t)part.first;
        m->recv_bytes[r] = sizeof(float) * count * (size_t)part.count;
    }
    TRY(mix_group_alltoall(m->replica, a->logits, m->recv_at, m->recv_bytes, a->slice, m->send_at,
                           m->send_bytes));
    for (int r = 0; r < m->share.tp; r++) {
        struct mix_part part = mix_split(m->arch->vocab, m->share.tp, r);
        const float *from = a->logits + count * (size_t)part.first; /* [count][part] */

        for (size_t i = 0; i < count; i++)
            TRY(mix_dev_download(m->dev, logits + i * vocab + (size_t)part.first,
                                 from + i * (size_t)part.count,
                                 sizeof(float) * (size_t)part.count));
    }
out:
    return rc;
}

int mix_head_rows(struct mix_model *m, float *logits, int *first, int *mine)
{
    int rc = MIX_OK;
    struct rows all = owned_by(m, m->share.tp_i, (struct rows){0, m->step->samples});

    for (int at = 0; at < m->step->samples; at += m->act.head_rows) {
        int left = m->step->samples - at;
        struct rows chunk = {at, at + (left < m->act.head_rows ? left : m->act.head_rows)};
        struct rows part = owned_by(m, m->share.tp_i, chunk);
        float *to = logits + (size_t)(part.first - all.first) * (size_t)m->arch->vocab;

        TRY(gather_rows(m, chunk, part));
        TRY(mix_block_product(m, m->act.slice, m->act.head_normed, m->weights.head,
                              chunk.last - chunk.first));
        TRY(bring_home(m, chunk, part, to));
    }
    *first = all.first;
    *mine = all.last - all.first;
out:
    mix_model_charge(m, &m->times.head);
    return rc;
}
