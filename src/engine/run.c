/* run.c - the data path: prompts -> scheduler -> batch -> forward -> sampler -> results.
 *
 * The three lines that matter are in step(): schedule, forward, draw. */
#include "engine/run.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "comm/agree.h"
#include "comm/mail.h"
#include "engine/deal.h"
#include "engine/leader.h"
#include "engine/sampler.h"
#include "engine/sched.h"
#include "engine/stop.h"

#include <stdlib.h>
#include <time.h>

enum {                /* bits of an agreement's any */
       SIGNALLED = 1, /* somebody got a signal */
       HALT = 2,      /* the leader: no more batches */
       LEAVE = 4,     /* the leader: everybody has left, max[CODE] is the code */
};

/* An agreement's max: the code to leave with; its sum: tokens of the last step; its own: bytes of a
 * shard to be dealt to the replica. */
enum { CODE, TOKENS = 0 };

struct run {
    const struct mix_run_config *config;
    struct mix_group *replica;
    bool coupled; /* do other replicas step together with mine? */
    struct mix_mail *mail;
    struct mix_agree *agree;
    struct mix_sched *sched;
    struct mix_hand *hand;
    struct mix_leader *leader;           /* leaders, else NULL ... */
    struct mix_deck *deck;               /* ... with the rows to deal next */
    struct mix_coordinator *coordinator; /* rank 0, else NULL */
    struct mix_str deal;                 /* the message that is being dealt */
    float *logits;                       /* [max_num_seqs][vocab] */
    int32_t *ids;                        /* [max_num_seqs] */
    size_t *at, *bytes;                  /* [tp] where each owner's ids lie */
    void *scratch;                       /* the sampler's */
    int tick_rc;                         /* of the first tick that failed */
    struct mix_run_result result;
};

static void close_run(struct run *r)
{
    mix_dev_tick_set(r->config->dev, NULL, NULL);
    mix_comm_tick_set(r->config->comm, NULL, NULL);
    mix_leader_close(r->leader);
    mix_coordinator_close(r->coordinator);
    mix_agree_close(r->agree);
    mix_mail_close(r->mail);
    mix_sched_destroy(r->sched);
    mix_hand_destroy(r->hand);
    mix_deck_destroy(r->deck);
    mix_str_fini(&r->deal);
    free(r->logits);
    free(r->ids);
    free(r->at);
    free(r->bytes);
    free(r->scratch);
}

/* A failure is kept: a turn that follows it at once may find nothing wrong. */
static int tick(void *ctx)
{
    struct run *r = ctx;

    if (r->tick_rc == MIX_OK)
        r->tick_rc = mix_leader_turn(r->leader);
    return r->tick_rc;
}

/* The device's tick cannot fail; what went wrong comes out at the next turn of the loop. */
static void device_tick(void *ctx)
{
    (void)tick(ctx);
}

static int open_desk(struct run *r)
{
    const struct mix_run_config *c = r->config;
    int rc = MIX_OK, *leaders = NULL;

    TRY(mix_calloc(&leaders, (size_t)c->plan->dp, sizeof *leaders, "leaders"));
    for (int i = 0; i < c->plan->dp; i++)
        leaders[i] = i * c->plan->numeric.tp;
    struct mix_coordinator_config desk = {.comm = c->comm,
                                          .mail = r->mail,
                                          .job = c->job,
                                          .progress = c->progress,
                                          .leader = leaders,
                                          .replicas = c->plan->dp,
                                          .stop_at = c->stop_at,
                                          .stall_s = c->stall_s,
                                          .max_errors = c->max_errors};
    TRY(mix_coordinator_open(&r->coordinator, &desk));
out:
    free(leaders);
    return rc;
}

static int open_run(struct run *r)
{
    const struct mix_run_config *c = r->config;
    int rc = MIX_OK;
    size_t seqs = (size_t)c->plan->max_num_seqs, tp = (size_t)c->plan->numeric.tp;
    struct mix_sched_config sched = {.max_seqs = c->plan->max_num_seqs,
                                     .max_tokens = c->plan->max_batched_tokens,
                                     .max_len = c->plan->max_model_len,
                                     .pages = c->plan->pages,
                                     .page = c->page,
                                     .eos = c->arch->eos,
                                     .eos_count = c->ignore_eos ? 0 : c->arch->eos_count};

    r->replica = mix_model_replica(c->model);
    TRY(mix_mail_open(&r->mail, c->comm));
    r->coupled = mix_group_size(mix_model_coupled(c->model)) > mix_group_size(r->replica);
    TRY(mix_agree_open(&r->agree, mix_model_coupled(c->model)));
    TRY(mix_sched_create(&r->sched, &sched));
    TRY(mix_hand_create(&r->hand));
    TRY(mix_calloc(&r->logits, seqs * (size_t)c->arch->vocab, sizeof *r->logits, "logits"));
    TRY(mix_calloc(&r->ids, seqs, sizeof *r->ids, "drawn tokens"));
    TRY(mix_calloc(&r->at, tp, sizeof *r->at, "owners"));
    TRY(mix_calloc(&r->bytes, tp, sizeof *r->bytes, "owners"));
    TRY(mix_calloc(&r->scratch, 1, mix_sampler_scratch(c->arch->vocab), "the sampler"));
    if (c->job)
        TRY(open_desk(r));
    if (c->store) {
        struct mix_leader_config leader = {.comm = c->comm,
                                           .mail = r->mail,
                                           .store = c->store,
                                           .coordinator = r->coordinator,
                                           .stall_s = c->stall_s};
        TRY(mix_leader_open(&r->leader, &leader));
        TRY(mix_deck_create(&r->deck));
        mix_comm_tick_set(c->comm, tick, r);
        mix_dev_tick_set(c->dev, device_tick, r);
    }
out:
    return rc;
}

/* Rows of a deal: those that may start in one step, for less leaves the step half empty. */
static int deal_rows(const struct run *r)
{
    enum { LEAST = 64 }; /* a message costs as much as some rows */

    return r->config->plan->max_num_seqs > LEAST ? r->config->plan->max_num_seqs : LEAST;
}

/* What the leader wants the replica to know next. */
static int leader_says(struct run *r, const struct mix_agreement *said, bool idle,
                       struct mix_agreement *mine)
{
    int rc = MIX_OK, code;
    const struct mix_shard *shard = NULL;

    TRY(tick(r));
    if (said->any & SIGNALLED)
        TRY(mix_leader_stop(r->leader));
    if (mix_leader_stopping(r->leader)) {
        mine->any |= HALT;
    } else if (mix_sched_stats(r->sched).waiting < r->config->plan->max_num_seqs) {
        if (mix_deck_left(r->deck) == 0)
            TRY(mix_leader_shard(r->leader, &shard));
        if (shard)
            TRY(mix_deck_take(r->deck, shard));
        if (mix_deck_left(r->deck)) {
            TRY(mix_deck_deal(r->deck, deal_rows(r), &r->deal));
            mine->own = (int64_t)r->deal.len;
        }
        mix_leader_hungry(r->leader, mix_deck_left(r->deck) <= mix_deck_size(r->deck) / 2);
    }
    if (!mine->own && (idle || (said->any & HALT)))
        TRY(mix_leader_idle(r->leader));
    if (mix_leader_ended(r->leader, &code)) {
        mine->any |= LEAVE;
        mine->max[CODE] = code;
    }
out:
    return rc;
}

/* A shard comes: from the leader's message to every scheduler. */
static int take_deal(struct run *r, size_t bytes)
{
    int rc = MIX_OK;

    TRY(mix_grow(&r->deal.s, &r->deal.room, bytes, 1, "a shard's rows"));
    TRY(mix_group_bcast(r->replica, r->deal.s, bytes, 0));
    TRY(mix_hand_take(r->hand, r->deal.s, bytes, r->sched));
out:
    return rc;
}

/* Draw for the rows that I own, and tell the replica. */
static int draw(struct run *r, const struct mix_batch *b, int first, int mine)
{
    double start = mix_now();
    int tp = r->config->plan->numeric.tp, vocab = r->config->arch->vocab, next = 0, rc;

    for (int i = 0; i < mine; i++) {
        int at = first + i;
        const struct mix_sampling *s = mix_hand_at(r->hand, b->tag[at]);
        struct mix_draw d = {.temperature = s->temperature,
                             .top_p = s->top_p,
                             .top_k = s->top_k,
                             .seed = s->seed,
                             .row = b->row[at],
                             .position = b->drawn[at]};
        r->ids[at] = mix_sample(r->logits + (size_t)i * (size_t)vocab, vocab, &d, r->scratch);
    }
    for (int t = 0; t < tp; t++) {
        int end = (int)((int64_t)b->tokens * (t + 1) / tp), from = next;
        while (next < b->samples && b->sample[next] < end)
            next++;
        r->at[t] = (size_t)from * sizeof *r->ids;
        r->bytes[t] = (size_t)(next - from) * sizeof *r->ids;
    }
    r->result.sampling_s += mix_now() - start;
    rc = mix_group_allgather(r->replica, r->ids, r->at, r->bytes, r->ids + first);
    r->result.counts.tokens_out += b->samples;
    return rc;
}

static int file_answers(struct run *r)
{
    int rc = MIX_OK;
    struct mix_finished f;

    while (mix_sched_finished(r->sched, &f)) {
        if (r->leader) {
            struct mix_answer a = {.row = f.row,
                                   .tokens = f.tokens,
                                   .count = f.count,
                                   .prompt_tokens = f.prompt_tokens,
                                   .finish_reason = f.reason,
                                   .error =
                                       f.reason[0] == 'n' ? "logits are not finite numbers" : NULL};
            TRY(mix_leader_answer(r->leader, &a));
        }
        mix_hand_drop(r->hand, f.tag);
    }
out:
    return rc;
}

static int step(struct run *r, struct mix_batch *b)
{
    int rc = MIX_OK, first = 0, mine = 0;
    struct mix_step s = {.id = b->id,
                         .position = b->position,
                         .first = b->first,
                         .table = b->table,
                         .sample = b->sample,
                         .tokens = b->tokens,
                         .seqs = b->seqs,
                         .table_stride = b->table_stride,
                         .samples = b->samples};

    mix_comm_phase(r->config->comm, r->result.steps, "forward");
    mix_steps_begin(&r->result.taken, &s);
    TRY(mix_model_forward(r->config->model, &s, r->logits, &first, &mine));
    TRY(draw(r, b, first, mine));
    TRY(mix_sched_drawn(r->sched, r->ids));
    TRY(file_answers(r));
    r->result.steps++;
    r->result.counts.tokens_in += b->prompt_tokens;
out:
    return rc;
}

/* A step of others, whose experts are partly here. */
static int join(struct run *r)
{
    int first = 0, mine = 0;
    static const int32_t none[1];
    struct mix_step s = {.first = none};

    mix_comm_phase(r->config->comm, r->result.steps, "forward");
    return mix_model_forward(r->config->model, &s, r->logits, &first, &mine);
}

static void count(struct run *r)
{
    struct mix_sched_stats s = mix_sched_stats(r->sched);
    struct mix_counts *c = &r->result.counts;

    c->running = s.running;
    c->waiting = s.waiting;
    c->pages = s.pages;
    c->pages_used = s.pages_used;
    r->result.restarts = s.restarts;
    r->result.wasted_tokens = s.wasted_tokens;
    if (r->leader)
        mix_leader_count(r->leader, c);
}

/* Nothing to compute, and nobody had anything: do not spin while files are read or other replicas
 * finish. */
static void nap(struct run *r)
{
    const struct timespec pause = {0, 1000000};
    double start = mix_now();

    nanosleep(&pause, NULL);
    r->result.idle_s += mix_now() - start;
}

int mix_run(const struct mix_run_config *config, struct mix_run_result *result)
{
    int rc = MIX_OK;
    struct run r = {.config = config};
    struct mix_agreement said = {0}, mine = {0};
    struct mix_batch batch = {0};
    double start = mix_now();

    TRY(open_run(&r));
    TRY(mix_agree_post(r.agree, &mine));
    for (;;) {
        TRY(mix_agree_get(r.agree, &said));
        mix_steps_end(&r.result.taken, said.sum[TOKENS]);
        if (said.any & LEAVE)
            break;
        if (said.own)
            TRY(take_deal(&r, (size_t)said.own));
        batch.tokens = 0;
        if (said.any & HALT)
            mix_comm_hurry(config->comm, NULL,
                           0); /* the stop is agreed: sealing may take its time */
        else
            TRY(mix_sched_next(r.sched, &batch));
        mine = (struct mix_agreement){.any = mix_stop_requested() ? SIGNALLED : 0,
                                      .sum = {[TOKENS] = batch.tokens},
                                      .part = mix_group_world(r.replica, 0),
                                      .hash = batch.tokens ? batch.hash : 1};
        if (r.leader)
            TRY(leader_says(&r, &said, batch.tokens == 0, &mine));
        TRY(mix_agree_post(r.agree, &mine));
        if (batch.tokens)
            TRY(step(&r, &batch));
        else if (r.coupled)
            TRY(join(&r));
        if (batch.tokens + said.sum[TOKENS] == 0)
            nap(&r);
        count(&r);
    }
    rc = (int)said.max[CODE];
    r.result.total_s = mix_now() - start;
    *result = r.result;
out:
    /* A rank that fails must end the job without asking the others for anything: closing is
     * collective. */
    if (rc == MIX_OK || rc == MIX_EROWS || rc == MIX_ESTOPPED)
        close_run(&r);
    return rc;
}
