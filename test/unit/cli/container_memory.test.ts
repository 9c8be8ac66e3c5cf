/** The limit of a container, as the kernel tells it in files of either version, and what is said about it. */
import { expect, test } from "vitest";
import { containerLimitBytes, memoryAdvice } from "../../../src/cli/container_memory.ts";

const GIB = 1024 ** 3;

function limitOf(files: Readonly<Record<string, string>>): number | undefined {
  return containerLimitBytes((path) => files[path], 16 * GIB);
}

test("version 2: the least limit on the way up counts", () => {
  expect(limitOf({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "536870912\n" })).toBe(GIB / 2);
  expect(
    limitOf({
      "/proc/self/cgroup": "0::/system.slice/a.service\n",
      "/sys/fs/cgroup/system.slice/a.service/memory.max": "max\n",
      "/sys/fs/cgroup/system.slice/memory.max": `${2 * GIB}\n`,
    }),
  ).toBe(2 * GIB);
  expect(limitOf({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n" })).toBeUndefined();
});

test("version 1: the memory controller's group, or what the container shows at the root", () => {
  const cgroup = "9:name=systemd:/x\n4:cpu,memory:/docker/abc\n2:cpuacct:/docker/abc\n";
  expect(
    limitOf({
      "/proc/self/cgroup": cgroup,
      "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": `${GIB}\n`,
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }),
  ).toBe(GIB);
  expect(limitOf({ "/proc/self/cgroup": cgroup, "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${GIB}\n` })).toBe(GIB);
  expect(
    limitOf({ "/proc/self/cgroup": cgroup, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n" }),
  ).toBeUndefined();
});

test("no container, no other system's files: nothing", () => {
  expect(limitOf({})).toBeUndefined();
  expect(limitOf({ "/proc/self/cgroup": "nonsense\n1:cpu:/\n" })).toBeUndefined();
  // As much as the machine has is no limit.
  expect(limitOf({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": String(16 * GIB) })).toBeUndefined();
});

test("the advice names a size below the limit, and is silent where maxmemory leaves room", () => {
  expect(memoryAdvice(undefined, 0)).toBeUndefined();
  expect(memoryAdvice(GIB, 0)).toContain(
    'may use 1.00G of memory, and the system ends what uses more: "maxmemory 716mb"',
  );
  expect(memoryAdvice(GIB, GIB / 2)).toBeUndefined();
  expect(memoryAdvice(GIB, GIB)).toContain("leaves too little beside it");
});
