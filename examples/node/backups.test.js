// What a test of a program that makes backups may look like.

import assert from "node:assert/strict";
import { test } from "node:test";

import { tenant } from "./emulator.js";

test("a backup is listed with its remark", async (test) => {
  const { createBackup, listBackups } = await tenant(test);
  const created = await createBackup("nightly");
  assert.equal(created.status, 200);
  const [backup, ...others] = await listBackups();
  assert.deepEqual([backup.backup_id, backup.remark, backup.status], [created.body.backup_id, "nightly", "succeed"]);
  assert.deepEqual(others, []);
});

test("a project holds only what its own test has made", async (test) => {
  const { listBackups } = await tenant(test);
  assert.deepEqual(await listBackups(), []);
});

test("a backup waits, then runs, then succeeds", async (test) => {
  const { createBackup, listBackups, step, workMovesByHand } = await tenant(test);
  await workMovesByHand();
  await createBackup("slow");
  const seen = [(await listBackups())[0].status];
  while ((await step()).length > 0) {
    seen.push((await listBackups())[0].status);
  }
  assert.deepEqual(seen, ["waiting", "backuping", "succeed"]);
});

test("a call that failed succeeds when it is made again", async (test) => {
  const { createBackup, fail, listBackups } = await tenant(test);
  await fail("create_backup", 503);
  assert.equal((await createBackup("nightly")).status, 503);
  assert.equal((await createBackup("nightly")).status, 200);
  assert.equal((await listBackups()).length, 1);
});
