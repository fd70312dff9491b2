/* step.c - the start of a step: is it sound, who owns what, and to the device with it. */
#include "base/clock.h"
#include "base/err.h"
#include "model/state.h"

#include <string.h>

/* What the engine hands over is trusted to be agreed, not to be right: a wrong index would be
 * memory that is not ours. */
static int check_sequence(const struct mix_model *m, const struct mix_step *s, int i)
{
    int rc = MIX_OK, first = s->first[i], last = s->first[i + 1];
    const int32_t *page = s->table + (size_t)i * (size_t)s->table_stride;

    MIX_CHECK(first < last && last <= s->tokens, "sequence %d has tokens [%d, %d) of %d", i, first,
              last, s->tokens);
    for (int t = first; t < last; t++) {
        int position = s->position[t];

        MIX_CHECK(s->id[t] >= 0 && s->id[t] < m->arch->vocab, "token %d has id %d of %d", t,
                  (int)s->id[t], m->arch->vocab);
        MIX_CHECK(position >= 0 && position < m->plan->max_model_len &&
                      position / MIX_PAGE < s->table_stride &&
                      (t == first || position == s->position[t - 1] + 1),
                  "token %d of sequence %d is at position %d", t, i, position);
    }
    for (int p = 0; p <= s->position[last - 1] / MIX_PAGE; p++)
        MIX_CHECK(page[p] >= 0 && page[p] < m->plan->pages, "sequence %d has page %d of %d", i,
                  (int)page[p], m->plan->pages);
out:
    return rc;
}

static int check(const struct mix_model *m, const struct mix_step *s)
{
    int rc = MIX_OK;

    MIX_CHECK(s->tokens >= 0 && s->tokens <= m->act.tokens && s->seqs >= 0 &&
                  s->seqs <= m->act.seqs && s->table_stride >= 0 &&
                  (s->seqs == 0 || s->table_stride <= m->act.table / s->seqs),
              "a step of %d tokens, %d sequences of %d pages, in a plan of %d, %d", s->tokens,
              s->seqs, s->table_stride, m->act.tokens, m->act.seqs);
    MIX_CHECK(s->seqs > 0 ? s->first[0] == 0 && s->first[s->seqs] == s->tokens : s->tokens == 0,
              "a step of %d tokens whose sequences do not hold them", s->tokens);
    for (int i = 0; i < s->seqs; i++)
        TRY(check_sequence(m, s, i));
    for (int i = 0; i < s->samples; i++)
        MIX_CHECK(s->sample[i] > (i ? s->sample[i - 1] : -1) && s->sample[i] < s->tokens,
                  "sample %d is token %d of %d", i, (int)s->sample[i], s->tokens);
out:
    return rc;
}

/* How many tokens each rank of the copy owns: known where the copy lies in the replica, else told.
 */
static int gather_copy(struct mix_model *m)
{
    int rc = MIX_OK, size = mix_group_size(m->copy), me = mix_group_rank(m->copy);
    double start = mix_now(), before = mix_group_stats(m->copy).wait_s, waited;

    m->copy_tokens[me] = mix_owners_mine(m->owners);
    if (m->share.tp % size == 0)
        memcpy(m->copy_tokens, m->tokens + m->share.tp_i / size * size,
               (size_t)size * sizeof *m->copy_tokens);
    else
        TRY(mix_group_tell(m->copy, m->copy_tokens, sizeof *m->copy_tokens));
    m->together = 0;
    for (int i = 0; i < size; i++)
        m->together += m->copy_tokens[i];
    waited = mix_group_stats(m->copy).wait_s - before;
    m->times.waiting += waited;
    *(m->plan->domains > 1 ? &m->times.exchange_between : &m->times.exchange_inside) +=
        mix_now() - start - waited;
    m->mark = mix_now();
out:
    return rc;
}

int mix_step_begin(struct mix_model *m, const struct mix_step *s)
{
    int rc = MIX_OK;
    struct mix_activations *a = &m->act;
    size_t tokens, seqs;

    m->mark = mix_now();
    m->waited = mix_group_stats(m->replica).wait_s;
    TRY(check(m, s));
    m->step = s;
    tokens = (size_t)s->tokens;
    seqs = (size_t)s->seqs;
    for (int i = 0; i < m->share.tp; i++)
        m->tokens[i] = mix_split(s->tokens, m->share.tp, i).count;
    mix_owners_set(m->owners, m->tokens);
    TRY(gather_copy(m));
    if (tokens == 0)
        goto out;
    TRY(mix_dev_upload(m->dev, a->id, s->id, tokens * sizeof *s->id));
    TRY(mix_dev_upload(m->dev, a->position, s->position, tokens * sizeof *s->position));
    TRY(mix_dev_upload(m->dev, a->first, s->first, (seqs + 1) * sizeof *s->first));
    TRY(mix_dev_upload(m->dev, a->page, s->table,
                       seqs * (size_t)s->table_stride * sizeof *s->table));
out:
    return rc;
}
