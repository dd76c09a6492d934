/* A pool of buffers. */
#include <stdlib.h>
#include "pool.h"

#define POOL_MAX 64
#define ROUND_UP(n) (((n) + 7) & ~7)

typedef unsigned int pool_id;

/* One buffer. */
struct buffer {
    size_t size;
    char *data;
};

enum pool_state { POOL_OPEN, POOL_CLOSED };

typedef struct {
    struct buffer items[POOL_MAX];
    int (*on_full)(void);
} pool_t;

static int live = 0;

int pool_close(pool_t *pool);

// Takes a buffer out.
static struct buffer *pool_take(pool_t *pool, size_t size)
{
    live++;
    return find_free(pool, ROUND_UP(size));
}

int pool_close(pool_t *pool)
{
    free(pool);
    return live;
}
