/* identity.h - what makes a job that job, as JSON and compared.
 *
 * job.json in the job's folder holds it, and /run of the finished file.  A command
 * goes on with a job, or finds it finished, only if nothing differs that changes
 * results; what differs is named with both values.  Paths may change: a model or an
 * input that was moved is known by its content.
 *
 * Any thread, each its own record; not collective. */
#ifndef MIX_ENGINE_IDENTITY_H
#define MIX_ENGINE_IDENTITY_H

#include <stdint.h>

struct mix_str;

/* What identifies a job: a change of any of these is refused with the difference named. */
struct mix_job_identity {
    const char *output;     /* OUT.h5; the folder is OUT.h5.job */
    const char *input;      /* path, for messages and job.json */
    const char *model;      /* path, for messages and job.json */
    uint64_t model_hash;    /* config, tokenizer, index, tensor headers, sizes */
    int64_t rows;           /* of the input */
    uint64_t input_hash;    /* of the content of every row */
    const char *parameters; /* JSON object: every option that changes results, resolved */
    const char *run_info;   /* JSON object: versions, command line, host, ... (stored under /run) */
};

/* One start of the command. */
struct mix_attempt {
    int attempt; /* 1, 2, ... */
    int world;   /* ranks */
    char host[64];
    int64_t pid;
    char started[32]; /* UTC, "2026-11-24T13:35:00Z" */
};

/* What job.json holds. */
struct mix_job_record;

/* A record without attempts.  The identity is copied.  MIX_EBUG if parameters or run_info is not
 * a JSON object. */
int mix_job_record_create(struct mix_job_record **record, const struct mix_job_identity *id);
/* From the text of a job.json or of a finished file's /run; name is for messages.  MIX_EINPUT if
 * it is not one, or of a newer form. */
int mix_job_record_parse(struct mix_job_record **record, const char *text, const char *name);
void mix_job_record_destroy(struct mix_job_record *record); /* NULL is allowed */

/* Borrowed from the record. */
const struct mix_job_identity *mix_job_record_identity(const struct mix_job_record *record);
/* The latest attempt; NULL before the first. */
const struct mix_attempt *mix_job_record_attempt(const struct mix_job_record *record);

/* Note one more attempt, and take over this identity's paths and run_info. */
int mix_job_record_add(struct mix_job_record *record, const struct mix_attempt *attempt,
                       const struct mix_job_identity *id);

/* Append what differs and changes results, as "temperature was 0, is 0.7; ..."; nothing if the
 * command is the same. */
int mix_job_record_difference(const struct mix_job_record *record,
                              const struct mix_job_identity *id, struct mix_str *what);

/* job.json of a job's folder; *record NULL if there is none. */
int mix_job_record_load(struct mix_job_record **record, const char *folder);
int mix_job_record_save(const struct mix_job_record *record, const char *folder);
/* Its latest attempt; 0 if there is no job.json. */
int mix_job_record_attempt_in(const char *folder, int *attempt);

/* Append the text.  plan: JSON of the plan to be stored in it, or NULL. */
int mix_job_record_text(const struct mix_job_record *record, const char *plan, struct mix_str *out);

#endif
