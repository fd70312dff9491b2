/* embed.c - each token's row of the embedding table, to the token's owner.
 *
 * The vocabulary is cut over tp, so a row lies at one rank and its owner is maybe
 * another.  All ranks know all ids, hence also how many rows travel between any
 * two: nothing is asked.  A rank looks up the tokens whose ids are in its slice in
 * the order of tokens, which is the order of owners; an owner then puts what came
 * into the order of its tokens. */
#include "base/err.h"
#include "model/state.h"

#include <string.h>

/* The rank whose slice of the vocabulary holds the id. */
static int holder(const struct mix_model *m, int32_t id)
{
    int tp = m->share.tp, r = (int)((int64_t)id * tp / m->arch->vocab);
    struct mix_part part = mix_split(m->arch->vocab, tp, r);

    return r + (id >= part.first + part.count); /* uneven slices: at most the next one */
}

static int look_up(struct mix_model *m, float *y, const int32_t *id, int tokens)
{
    struct mix_embed embed = {
        .y = y,
        .table = m->weights.embedding,
        .id = id,
        .type = m->type,
        .tokens = tokens,
        .dim = m->arch->hidden,
        .first = m->share.vocab.first,
        .rows = m->share.vocab.count,
    };

    return m->kern->embed(m->dev, &embed);
}

/* Fill pick with the ids that I look up, and the sizes of what I send. */
static int plan_sends(struct mix_model *m, size_t row)
{
    int picks = 0;

    for (int owner = 0, t = 0; owner < m->share.tp; owner++) {
        int before = picks;

        for (int last = t + m->tokens[owner]; t < last; t++)
            if (holder(m, m->step->id[t]) == m->share.tp_i)
                m->pick[picks++] = m->step->id[t];
        m->send_at[owner] = (size_t)before * row;
        m->send_bytes[owner] = (size_t)(picks - before) * row;
    }
    return picks;
}

/* The sizes of what comes, and for each of my tokens which row of it is its own. */
static void plan_receipts(struct mix_model *m, size_t row)
{
    const int32_t *id = m->step->id + mix_owners_first(m->owners);
    int mine = mix_owners_mine(m->owners), rows = 0;

    for (int r = 0; r < m->share.tp; r++) {
        int before = rows;

        for (int t = 0; t < mine; t++)
            if (holder(m, id[t]) == r)
                m->from[t] = rows++;
        m->recv_at[r] = (size_t)before * row;
        m->recv_bytes[r] = (size_t)(rows - before) * row;
    }
}

int mix_embed_tokens(struct mix_model *m)
{
    int rc = MIX_OK, picks, mine = mix_owners_mine(m->owners);
    size_t row = sizeof(float) * (size_t)m->arch->hidden;
    struct mix_activations *a = &m->act;
    struct mix_pack pack = {
        .y = a->x,
        .x = a->room,
        .from = a->from,
        .rows = mine,
        .dim = m->arch->hidden,
    };

    if (m->share.tp == 1) {
        TRY(look_up(m, a->x, a->id, m->step->tokens));
        goto out;
    }
    picks = plan_sends(m, row);
    plan_receipts(m, row);
    TRY(mix_dev_upload(m->dev, a->id, m->pick, (size_t)picks * sizeof *m->pick));
    TRY(mix_dev_upload(m->dev, a->from, m->from, (size_t)mine * sizeof *m->from));
    TRY(look_up(m, a->partial, a->id, picks));
    TRY(mix_group_alltoall(m->replica, a->room, m->recv_at, m->recv_bytes, a->partial, m->send_at,
                           m->send_bytes));
    TRY(m->kern->pack(m->dev, &pack));
out:
    mix_model_charge(m, &m->times.head);
    return rc;
}
