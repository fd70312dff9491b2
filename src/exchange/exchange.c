/* exchange.c - the table of algorithms, and the calls that go through it. */
#include "exchange/exchange.h"

#include "base/err.h"
#include "base/mem.h"
#include "exchange/exchange_private.h"

#include <stdlib.h>

const struct mix_exchange_ops *const mix_exchange_table[MIX_EXCHANGE_KINDS] = {
    [MIX_EXCHANGE_TP] = &mix_exchange_tp,
};

static int check(const struct mix_exchange_config *c)
{
    int rc = MIX_OK;

    MIX_CHECK((int)c->kind >= 0 && (int)c->kind < MIX_EXCHANGE_KINDS, "exchange kind %d",
              (int)c->kind);
    MIX_CHECK(c->type == MIX_F32 || c->type == MIX_BF16, "an exchange of %s",
              mix_dtype_name(c->type));
    MIX_CHECK(c->hidden > 0 && c->k > 0 && c->k <= c->experts && c->max_tokens > 0 &&
                  c->max_owned > 0 && c->max_owned <= c->max_tokens,
              "an exchange of hidden %d, %d of %d experts, %d tokens of which %d are owned",
              c->hidden, c->k, c->experts, c->max_tokens, c->max_owned);
    MIX_CHECK(c->max_tokens <= INT32_MAX / c->k, "an exchange of %d tokens to %d experts each",
              c->max_tokens, c->k);
out:
    return rc;
}

int mix_exchange_open(struct mix_exchange **out, const struct mix_exchange_config *config)
{
    int rc = MIX_OK;
    struct mix_exchange *e = NULL;

    TRY(check(config));
    TRY(mix_calloc(&e, 1, sizeof *e, "an exchange"));
    e->ops = mix_exchange_table[config->kind];
    e->config = *config;
    TRY(e->ops->open(e));
    *out = e;
    e = NULL;
out:
    mix_exchange_close(e);
    return rc;
}

void mix_exchange_close(struct mix_exchange *e)
{
    if (!e)
        return;
    e->ops->close(e);
    free(e);
}

size_t mix_exchange_bytes(const struct mix_exchange_config *config, int group_size)
{
    return mix_exchange_table[config->kind]->bytes(config, group_size);
}

int mix_exchange_start(struct mix_exchange *e, const struct mix_exchange_step *step)
{
    return e->ops->start(e, step);
}

int mix_exchange_finish(struct mix_exchange *e, float *y)
{
    return e->ops->finish(e, y);
}

struct mix_exchange_times mix_exchange_times(const struct mix_exchange *e)
{
    return e->times;
}
