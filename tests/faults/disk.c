/* A disk that fails when it is told to, and forgets what was not synced: an LD_PRELOAD shim for one database.
 *
 * It watches writes and syncs of the file FAULT_TARGET and of its log FAULT_TARGET-wal. FAULT_CONTROL is a file
 * of 64-bit numbers that the test maps, too:
 *
 *     [op * 4 + 0]  which files fail: 1 the database, 2 its log, 3 both, 0 none
 *     [op * 4 + 1]  how many calls pass before
 *     [op * 4 + 2]  how many calls fail then; -1: all
 *     [op * 4 + 3]  errno of the failures
 *     [12 + op]     calls that failed so far
 *
 * with op 0 for fsync and fdatasync, 1 for pwrite and write, 2 for ftruncate.
 *
 * With FAULT_SHADOW, a directory, the shim keeps there what a power cut would leave: a page written to a file is
 * copied to its namesake in the directory when a sync of the file succeeds. A sync that fails leaves the page
 * uncopied, and clean: as in Linux, only writing the page again makes the next sync copy it. The directory's
 * file "dirty" has a byte a page, for all processes in turn.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SYNC, WRITE, TRUNCATE, OPS };
enum { PAGE = 4096, PAGES = 1 << 16 };

static volatile int64_t *control;
static volatile uint8_t *dirty; /* of the database, then of its log */
static char target[2][4096];
static char shadow[2][4096];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);

static void *map(const char *path, size_t size) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || real_ftruncate(fd, (off_t)size) < 0) abort();
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED) abort();
    return at;
}

__attribute__((constructor)) static void begin(void) {
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    const char *path = getenv("FAULT_TARGET"), *directory = getenv("FAULT_SHADOW");
    const char *name = path ? strrchr(path, '/') : NULL;
    if (!name) return;
    for (int file = 0; file < 2; file++) {
        const char *end = file ? "-wal" : "";
        snprintf(target[file], sizeof target[file], "%s%s", path, end);
        if (directory) snprintf(shadow[file], sizeof shadow[file], "%s%s%s", directory, name, end);
    }
    if (getenv("FAULT_CONTROL")) control = map(getenv("FAULT_CONTROL"), 128);
    if (directory) {
        char map_path[4096];
        snprintf(map_path, sizeof map_path, "%s/dirty", directory);
        dirty = map(map_path, 2 * PAGES);
    }
}

/* 0 for the database, 1 for its log, -1 for other files. */
static int which(int fd) {
    char link[64], path[4096];
    if (!control && !dirty) return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return -1;
    path[size] = 0;
    return !strcmp(path, target[0]) ? 0 : !strcmp(path, target[1]) ? 1 : -1;
}

/* Whether this call shall fail; sets errno. */
static int fails(int op, int file) {
    if (!control || file < 0) return 0;
    int failing = 0;
    pthread_mutex_lock(&lock);
    volatile int64_t *plan = control + op * 4;
    if (!(plan[0] & (1 << file)) || plan[2] == 0) {
    } else if (plan[1] > 0) {
        plan[1]--;
    } else {
        if (plan[2] > 0) plan[2]--;
        control[12 + op]++;
        failing = 1;
    }
    pthread_mutex_unlock(&lock);
    if (failing) errno = (int)plan[3];
    return failing;
}

static void touched(int file, off_t from, size_t size) {
    if (!dirty || file < 0 || size == 0) return;
    for (off_t page = from / PAGE; page <= (from + (off_t)size - 1) / PAGE && page < PAGES; page++)
        dirty[file * PAGES + page] = 1;
}

/* Copy what is dirty to the shadow (or only take it for clean). */
static void settle(int fd, int file, int reached) {
    if (!dirty || file < 0) return;
    struct stat now;
    char page[PAGE];
    int to = -1;
    if (reached) {
        to = open(shadow[file], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (to < 0 || fstat(fd, &now) < 0 || real_ftruncate(to, now.st_size) < 0) abort();
    }
    for (off_t at = 0; at < PAGES; at++) {
        if (!dirty[file * PAGES + at]) continue;
        dirty[file * PAGES + at] = 0;
        if (!reached) continue;
        ssize_t got = pread(fd, page, PAGE, at * PAGE);
        if (got > 0 && real_pwrite(to, page, (size_t)got, at * PAGE) != got) abort();
    }
    if (to >= 0) close(to);
}

static int synced(int fd, int (*real)(int)) {
    int file = which(fd);
    if (fails(SYNC, file)) {
        int error = errno;
        settle(fd, file, 0);
        errno = error;
        return -1;
    }
    int result = real(fd);
    if (result == 0) settle(fd, file, 1);
    return result;
}

int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    int file = which(fd);
    if (fails(WRITE, file)) return -1;
    ssize_t result = real_pwrite(fd, data, size, at);
    if (result > 0) touched(file, at, (size_t)result);
    return result;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

ssize_t write(int fd, const void *data, size_t size) {
    int file = which(fd);
    if (fails(WRITE, file)) return -1;
    off_t at = file < 0 ? 0 : lseek(fd, 0, SEEK_CUR);
    ssize_t result = real_write(fd, data, size);
    if (result > 0) touched(file, at, (size_t)result);
    return result;
}

int ftruncate64(int fd, off_t size) {
    if (fails(TRUNCATE, which(fd))) return -1;
    return real_ftruncate(fd, size);
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int unlink(const char *path) {
    for (int file = 0; dirty && file < 2; file++)
        if (!strcmp(path, target[file])) {
            real_unlink(shadow[file]);
            memset((void *)(dirty + file * PAGES), 0, PAGES);
        }
    return real_unlink(path);
}
