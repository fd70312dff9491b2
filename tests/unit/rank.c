/* rank.c - which layout is best on which machine, on published models and preset machines. */
#include "plan/resume.h"
#include "plan/search.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "plan_fixture.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct mix_arch model(const char *name)
{
    struct mix_arch a = {0};
    char path[1024];

    snprintf(path, sizeof path, "%s/inputs/configs/%s", getenv("srcdir"), name);
    ok(mix_arch_load(&a, path) == MIX_OK, "%s is read", name);
    return a;
}

struct setting {
    struct mix_machine machine;
    struct mix_topo topo;
    struct mix_lengths lengths;
    struct mix_plan_input in;
};

static void set(struct setting *s, const struct mix_arch *arch, const char *gpu, int nodes)
{
    mix_machine_preset(&s->machine, gpu);
    mix_plan_topo(&s->topo, nodes, 8, s->machine.memory * 8);
    s->lengths = mix_lengths_of(1000000, 1024, 512);
    s->in = some_input(arch, &s->topo);
    s->in.has_bf16 = true;
    s->in.device = "cuda";
    s->in.machine = &s->machine;
    s->in.lengths = &s->lengths;
}

/* The chosen one has no better, and what is said of it holds. */
static void ranking(const struct mix_arch *arch)
{
    struct setting s;
    struct mix_plan_ranking r = {0};
    struct mix_plan plan;
    struct mix_plan_numeric sums;
    int wrong = 0, rc, exchanges[MIX_EXCHANGE_KINDS] = {0};

    set(&s, arch, "h100", 4);
    rc = mix_plan_rank(&s.in, &r);
    ok(rc == MIX_OK && r.fit > 10 && r.possible > r.fit && r.count >= r.possible &&
           r.mesh.world == 32 && r.mesh.domains == 4,
       "%d candidates, %d can be, %d fit", r.count, r.possible, r.fit);
    for (int i = 0; i < r.count; i++) {
        const struct mix_plan_candidate *c = &r.c[i];

        wrong += i && i < r.fit && c->seconds < r.c[i - 1].seconds;
        wrong += (i < r.possible) != !c->why[0] || (i < r.fit) != (!c->why[0] && c->missing <= 0);
        wrong += i < r.fit && (!(c->seconds > 0) || !(c->ttft > 0) || !(c->itl > 0));
        wrong += i < r.fit && c->memory.weights + c->memory.activations + c->memory.exchange +
                                      c->pages * c->memory.kv_page >
                                  s.machine.memory - s.machine.reserved;
        if (i < r.fit)
            exchanges[c->layout.exchange]++;
    }
    for (int x = 0; x < MIX_EXCHANGE_KINDS; x++)
        wrong += !exchanges[x];
    ok(wrong == 0, "in order, each with its reason or its times, of all exchanges");
    rc = mix_plan_search(&s.in, &plan, NULL);
    sums = plan.numeric;
    mix_plan_sums(&sums, plan.exchange, plan.ep, plan.domain_size, false);
    ok(rc == MIX_OK && !mix_plan_wrong(&plan) && plan.ep == r.c[0].layout.ep &&
           plan.numeric.wire == r.c[0].wire && plan.numeric.sums == sums.sums &&
           plan.numeric.sum_domains == sums.sum_domains,
       "the first is the plan");
    mix_plan_ranking_fini(&r);
    mix_plan_topo_fini(&s.topo);
}

static void objectives(const struct mix_arch *arch)
{
    struct setting s;
    struct mix_plan_ranking r[MIX_OBJECTIVES] = {{0}};

    set(&s, arch, "h100", 4);
    for (int o = 0; o < MIX_OBJECTIVES; o++) {
        s.in.objective = o;
        mix_plan_rank(&s.in, &r[o]);
    }
    ok(r[0].c[0].seconds <= r[1].c[0].seconds && r[0].c[0].seconds <= r[2].c[0].seconds &&
           r[1].c[0].ttft <= r[0].c[0].ttft && r[2].c[0].itl <= r[0].c[0].itl,
       "each objective has the best of its own");
    for (int o = 0; o < MIX_OBJECTIVES; o++)
        mix_plan_ranking_fini(&r[o]);
    mix_plan_topo_fini(&s.topo);
}

/* A machine with less memory than the nodes have, as one writes it to see how a run does without
 * copies of the experts; ranks of a node share it. */
static void limits(const struct mix_arch *arch)
{
    struct setting s;
    struct mix_plan plan;
    double plenty;

    set(&s, arch, "h200", 4);
    plenty = s.machine.memory * 8;
    s.machine.shared = true;
    s.machine.ranks = 8;
    s.machine.memory = plenty;
    ok(mix_plan_search(&s.in, &plan, NULL) == MIX_OK && plan.edp > 1, "room for copies");
    s.machine.memory = plenty / 20;
    ok(mix_plan_search(&s.in, &plan, NULL) == MIX_OK && plan.edp == 1 &&
           (double)(plan.bytes_weights + plan.bytes_kv + plan.bytes_activations) * 8 <=
               s.machine.memory,
       "a limit that leaves none is kept to");
    s.machine.memory = 1e6;
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_plan_search(&s.in, &plan, NULL) == MIX_EFIT && strstr(mix_err_last(), "the node has"),
       "and told of: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    s.machine.memory = plenty * 2;
    ok(mix_plan_search(&s.in, &plan, NULL) == MIX_OK &&
           (double)(plan.bytes_weights + plan.bytes_kv + plan.bytes_activations) * 8 <= plenty,
       "more than the nodes have gives no more");
    mix_plan_topo_fini(&s.topo);
}

/* A copy of a small model on every rank is best where it fits, and a slow network makes it so. */
static void copies(const struct mix_arch *arch)
{
    struct setting s;
    struct mix_plan near, far;
    int rc;

    set(&s, arch, "h200", 4);
    s.in.pins = (struct mix_plan_pins){.tp = 1, .edp = 1};
    ok(mix_plan_search(&s.in, &near, NULL) == MIX_OK && near.ep * near.numeric.etp == 32 &&
           near.edp == 1,
       "pins hold");
    s.in.pins = (struct mix_plan_pins){0};
    for (int i = 0; i < s.machine.link[MIX_LINK_BETWEEN].points; i++)
        s.machine.link[MIX_LINK_BETWEEN].seconds[i] *= 1000;
    rc = mix_plan_search(&s.in, &far, NULL);
    ok(rc == MIX_OK && far.ep * far.numeric.etp <= 8,
       "nothing crosses a network a thousand times slower: etp %d, ep %d", far.numeric.etp, far.ep);
    mix_plan_topo_fini(&s.topo);
}

static void domains(const struct mix_arch *arch)
{
    struct setting s;
    struct mix_plan p;

    set(&s, arch, "b200", 4);
    s.machine.domain = 16;
    ok(mix_plan_search(&s.in, &p, NULL) == MIX_OK && p.domain_size == 16 && p.domains == 2,
       "a link over two nodes makes domains of 16");
    s.machine.domain = 64;
    ok(mix_plan_search(&s.in, &p, NULL) == MIX_OK && p.domain_size == 32 &&
           p.numeric.wire == MIX_F32,
       "one over more than there are: one domain, fp32 on the wire");
    s.in.pins.domain_size = 4;
    ok(mix_plan_search(&s.in, &p, NULL) == MIX_OK && p.domain_size == 4, "unless pinned");
    mix_plan_topo_fini(&s.topo);
}

static void too_large(const struct mix_arch *arch)
{
    struct setting s;
    struct mix_plan p;

    set(&s, arch, "a100", 1);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_plan_search(&s.in, &p, NULL) == MIX_EFIT &&
           strstr(mix_err_last(), "numbers of ranks that would do: 24, 32, 40 (3, 4, 5 nodes)"),
       "%s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    mix_plan_topo_fini(&s.topo);
}

/* A job that was begun on four nodes goes on, on others, with the sums that it had: on bf16 links
 * these are those of as many domains, so on as many nodes, or on several times as many. */
static void resumed(const struct mix_arch *arch)
{
    struct setting s;
    struct mix_plan was, now;
    int went = 0;

    set(&s, arch, "h100", 4);
    ok(mix_plan_search(&s.in, &was, NULL) == MIX_OK, "begun");
    mix_plan_topo_fini(&s.topo);
    for (int nodes = 1; nodes <= 8; nodes++) {
        set(&s, arch, "h100", nodes);
        mix_log_level(MIX_LOG_SILENT);
        if (mix_plan_resume(&s.in, &was, &now, NULL) == MIX_OK)
            went +=
                mix_plan_numeric_id(&now) == mix_plan_numeric_id(&was) && now.world == 8 * nodes;
        mix_log_level(MIX_LOG_INFO);
        mix_plan_topo_fini(&s.topo);
    }
    ok(went >= 2, "goes on with the same numbers on %d of 8 numbers of nodes", went);
    was.numeric.sums = 77; /* groups that no layout has */
    set(&s, arch, "h100", 4);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_plan_resume(&s.in, &was, &now, NULL) == MIX_EFIT &&
           strstr(mix_err_last(), "no layout sums experts as this job has begun"),
       "or says why not: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    mix_plan_topo_fini(&s.topo);
}

/* With chunks as the planner chooses them, no other chunks make all steps of a layout faster. */
static void chunks(const struct mix_arch *arch)
{
    static const char *const kinds[] = {"mixserve", "fused"};
    static const int most[] = {1, 8};
    struct setting s;
    int beaten = 0, cut = 0, alone = 0;

    set(&s, arch, "h100", 4);
    for (int i = 0; i < s.machine.link[MIX_LINK_BETWEEN].points; i++)
        s.machine.link[MIX_LINK_BETWEEN].seconds[i] *= 4; /* so that there is much to hide */
    for (int x = 0; x < 2; x++) {
        struct mix_plan_ranking r = {0}, other = {0};

        s.in.pins = (struct mix_plan_pins){.etp = 8, .edp = 1, .exchange = kinds[x]};
        mix_plan_rank(&s.in, &r);
        for (int n = 0; n <= most[x]; n++) {
            s.in.pins.chunks = n;
            s.in.pins.in_turn = !n;
            mix_plan_rank(&s.in, &other);
            for (int i = 0; i < r.fit; i++)
                for (int j = 0; j < other.fit; j++) {
                    const struct mix_plan_candidate *a = &r.c[i], *b = &other.c[j];

                    beaten += a->layout.tp == b->layout.tp &&
                              b->mixed.total < a->mixed.total * (1 - 1e-6) &&
                              b->prefill.total < a->prefill.total * (1 - 1e-6) &&
                              b->decode.total < a->decode.total * (1 - 1e-6);
                }
            mix_plan_ranking_fini(&other);
        }
        for (int i = 0; i < r.fit; i++) {
            double decode = r.c[i].work.decode.decode / r.c[i].layout.tp;

            cut += r.c[i].chunks > 1 && r.c[i].chunk_bytes > 0;
            alone += mix_plan_chunks(r.c[i].chunks, r.c[i].chunk_bytes,
                                     (int64_t)(decode * arch->hidden * 2)) == 0;
        }
        ok(r.fit > 1, "%d layouts with %s", r.fit, kinds[x]);
        mix_plan_ranking_fini(&r);
    }
    mix_plan_topo_fini(&s.topo);
    ok(beaten == 0 && cut > 0, "%d of them cut rows, no other chunks are better", cut);
    ok(alone > 0, "%d leave steps of generated tokens alone", alone);
}

static void fast(const struct mix_arch *arch)
{
    struct setting s;
    double least = 1e9, spent; /* of this process: others may have the cores meanwhile */
    int count = 0;

    set(&s, arch, "h100", 128);
    for (int i = 0; i < 5; i++) {
        struct mix_plan_ranking r = {0};

        spent = (double)clock();
        mix_plan_rank(&s.in, &r);
        spent = ((double)clock() - spent) / CLOCKS_PER_SEC;
        least = spent < least ? spent : least;
        count = r.count;
        mix_plan_ranking_fini(&r);
    }
    mix_plan_topo_fini(&s.topo);
    ok(least < 0.1, "%d candidates of 1024 ranks in %.4f s", count, least);
}

int main(void)
{
    struct mix_arch v3 = model("DeepSeek-V3"), small = model("Qwen3-30B-A3B"),
                    large = model("Qwen3-235B-A22B");

    ranking(&large);
    objectives(&large);
    copies(&small);
    limits(&small);
    domains(&large);
    too_large(&v3);
    resumed(&large);
    chunks(&large);
    fast(&v3);
    return tap_done();
}
