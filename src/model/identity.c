/* identity.c - see identity.h. */
#include "model/identity.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "io/file.h"
#include "io/safetensors.h"

#include <stddef.h>

int mix_model_identity(const char *dir, bool weights, uint64_t *hash)
{
    static const struct {
        const char *name;
        uint64_t limit;
        _Bool needed;
    } file[] = {{"config.json", 1 << 20, 1},
                {"generation_config.json", 1 << 20, 0},
                {"tokenizer.json", 1 << 28, 1}};
    int rc = MIX_OK;
    struct mix_str path = {0}, content = {0};
    struct mix_safetensors *files = NULL;
    uint64_t h = 0, identity;

    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++) {
        mix_str_clear(&path);
        mix_str_clear(&content);
        TRY(mix_str_addf(&path, "%s/%s", dir, file[i].name));
        if (!file[i].needed && !mix_file_exists(path.s))
            continue;
        TRY(mix_file_read(&content, path.s, file[i].limit));
        h = mix_hash_add(h, content.s, content.len);
    }
    if (weights) {
        TRY(mix_safetensors_open(&files, dir));
        identity = mix_safetensors_identity(files);
        h = mix_hash_add(h, &identity, sizeof identity);
    }
    *hash = h;
out:
    mix_safetensors_close(files);
    mix_str_fini(&content);
    mix_str_fini(&path);
    return rc;
}
