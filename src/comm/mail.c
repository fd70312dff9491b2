/* mail.c - one persistent receive from anybody, and sends that are kept until they are done.
 *
 * Letters that arrive while one is being read wait inside MPI, in order.  A
 * closed mail may leave letters there; they have its tag, the next mail has
 * another.  All mails share a communicator that is never freed: Open MPI would
 * give its number to the next one, and with it the letters that still lie there. */
#include "comm/mail.h"

#include "base/mem.h"
#include "comm/check_mpi.h"
#include "comm/group_private.h"

#include <stdlib.h>

struct slot {
    struct mix_letter letter;
    MPI_Request request;
    struct slot *next;
};

struct mix_mail {
    MPI_Comm mpi;
    int rank, size, tag;
    struct slot *sent; /* every slot ever needed: as many as were under way at once */
    struct mix_letter arriving;
    MPI_Request arrival; /* persistent, into arriving */
    bool listening;      /* has it been started? */
};

static int listen_again(struct mix_mail *m)
{
    int rc = MIX_OK;

    TRY_MPI(MPI_Start(&m->arrival));
    m->listening = true;
out:
    return rc;
}

int mix_mail_open(struct mix_mail **out, struct mix_comm *c)
{
    struct mix_mail *m = NULL;
    int rc;

    TRY(mix_calloc(&m, 1, sizeof *m, "mail"));
    m->arrival = MPI_REQUEST_NULL;
    m->rank = c->rank;
    m->size = c->size;
    m->tag = ++c->mails & 0x7FFF;
    m->mpi = c->letters;
    TRY_MPI(MPI_Recv_init(&m->arriving, sizeof m->arriving, MPI_BYTE, MPI_ANY_SOURCE, m->tag,
                          m->mpi, &m->arrival));
    TRY(listen_again(m));
    *out = m;
    m = NULL;
out:
    mix_mail_close(m);
    return rc;
}

void mix_mail_close(struct mix_mail *m)
{
    int over = 0;
    bool mpi_lives;

    if (!m)
        return;
    mpi_lives = MPI_Finalized(&over) == MPI_SUCCESS && !over;
    if (mpi_lives && m->arrival != MPI_REQUEST_NULL) {
        if (m->listening && MPI_Cancel(&m->arrival) == MPI_SUCCESS)
            MPI_Wait(&m->arrival, MPI_STATUS_IGNORE);
        MPI_Request_free(&m->arrival);
    }
    for (struct slot *s = m->sent, *next; s; s = next) {
        int done = 1;

        next = s->next;
        if (mpi_lives && s->request != MPI_REQUEST_NULL)
            MPI_Test(&s->request, &done, MPI_STATUS_IGNORE);
        if (done) /* else MPI still reads it, and the process is about to end */
            free(s);
    }
    free(m);
}

/* A slot whose letter has gone, or a new one. */
static int free_slot(struct mix_mail *m, struct slot **out)
{
    int rc = MIX_OK;

    for (struct slot *s = m->sent; s; s = s->next) {
        int done = 0;

        TRY_MPI(MPI_Test(&s->request, &done, MPI_STATUS_IGNORE));
        if (done) {
            *out = s;
            goto out;
        }
    }
    TRY(mix_calloc(out, 1, sizeof **out, "a letter"));
    (*out)->request = MPI_REQUEST_NULL;
    (*out)->next = m->sent;
    m->sent = *out;
out:
    return rc;
}

int mix_mail_post(struct mix_mail *m, int to, const struct mix_letter *letter)
{
    struct slot *s = NULL;
    int rc = MIX_OK;

    MIX_CHECK(to >= 0 && to < m->size, "mail to rank %d of %d", to, m->size);
    TRY(free_slot(m, &s));
    s->letter = *letter;
    s->letter.from = m->rank;
    TRY_MPI(MPI_Isend(&s->letter, sizeof s->letter, MPI_BYTE, to, m->tag, m->mpi, &s->request));
out:
    return rc;
}

int mix_mail_poll(struct mix_mail *m, struct mix_letter *letter, bool *got)
{
    int rc = MIX_OK, here = 0;

    TRY_MPI(MPI_Test(&m->arrival, &here, MPI_STATUS_IGNORE));
    if (here) {
        m->listening = false;
        *letter = m->arriving;
        TRY(listen_again(m));
    }
    *got = here;
out:
    return rc;
}
