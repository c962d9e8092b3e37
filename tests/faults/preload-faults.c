/*
 * Faults in the calls of a process, for LD_PRELOAD: what strace cannot do, which is to fail calls on some files only, and
 * to write a part of what was asked.
 *
 * Asked:  FAULT_CALL write | open | fsync | rename; FAULT_PATH a part of the file's path; FAULT_ERRNO a number, or 0: half of
 *         the bytes are written; FAULT_FROM the first such call that fails, from 1 on; FAULT_COUNT how many from there.
 * Leaves: a line in the file FAULT_LOG for each.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long passed;

static int due(const char *call, const char *path) {
  const char *wanted = getenv("FAULT_CALL");
  const char *part = getenv("FAULT_PATH");
  if (wanted == NULL || part == NULL || strcmp(wanted, call) != 0) return 0;
  if (strstr(path, part) == NULL) return 0;
  long n = atomic_fetch_add(&passed, 1) + 1;
  long from = atol(getenv("FAULT_FROM"));
  if (n < from || n >= from + atol(getenv("FAULT_COUNT"))) return 0;
  int log = (int)syscall(SYS_openat, AT_FDCWD, getenv("FAULT_LOG"),
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log >= 0) {
    char line[600];
    int size = snprintf(line, sizeof line, "%s %.500s\n", call, path);
    syscall(SYS_write, log, line, (size_t)size);
    syscall(SYS_close, log);
  }
  return 1;
}

static int due_for(const char *call, int fd) {
  char link[40], path[4096];
  if (fd <= 2 || getenv("FAULT_CALL") == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0 || path[0] != '/') return 0;
  path[size] = 0;
  return due(call, path);
}

static int fault(void) {
  errno = atoi(getenv("FAULT_ERRNO"));
  return errno;
}

ssize_t write(int fd, const void *bytes, size_t size) {
  if (due_for("write", fd)) {
    if (fault() != 0) return -1;
    if (size > 1) size /= 2;
  }
  return syscall(SYS_write, fd, bytes, size);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
  if (due_for("write", fd)) {
    if (fault() != 0) return -1;
    if (size > 1) size /= 2;
  }
  return syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
  return pwrite64(fd, bytes, size, at);
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, int) : 0;
  va_end(more);
  if ((flags & O_CREAT) != 0 && due("open", path) && fault() != 0) return -1;
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, int) : 0;
  va_end(more);
  return open64(path, flags, mode);
}

int fsync(int fd) {
  if (due_for("fsync", fd) && fault() != 0) return -1;
  return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to) {
  if (due("rename", to) && fault() != 0) return -1;
  return (int)syscall(SYS_rename, from, to);
}
