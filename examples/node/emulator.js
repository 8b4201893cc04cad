// A fixture for tests against dcs-emulator: `dcs-emulator run -- node --test`.
//
// `run` starts a server that keeps nothing, on a free port, and says in the environment where it is. All tests share it: each works
// in a project of its own, whose id it makes up, so that they may run in any order and side by side.

import { randomUUID } from "node:crypto";

const { DCS_EMULATOR_URL, DCS_EMULATOR_CONTROL_URL, DCS_EMULATOR_CONTROL_TOKEN } = process.env;

async function ask(url, method, body, headers = {}) {
  const answer = await fetch(url, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text && JSON.parse(text) };
}

/** Asks for what is below `/_emulator`; what is refused there is an error of the test. */
async function control(method, path, body) {
  if (!DCS_EMULATOR_CONTROL_URL) {
    throw new Error("there is no server: dcs-emulator run -- node --test");
  }
  const token = DCS_EMULATOR_CONTROL_TOKEN ? { "X-Emulator-Token": DCS_EMULATOR_CONTROL_TOKEN } : {};
  const answer = await ask(`${DCS_EMULATOR_CONTROL_URL}/_emulator/${path}`, method, body, token);
  if (answer.status !== 200) {
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}

/** A project of one test, with a master/standby instance; emptied after the test. */
export async function tenant(test) {
  const project = randomUUID().replaceAll("-", "");
  const instance = randomUUID();
  const seed = { projects: [{ id: project, instances: [{ id: instance, cache_mode: "ha" }] }] };
  await control("POST", "seed", seed);
  test.after(() => control("POST", "reset", { project_id: project, seed: false }));
  const backups = `${DCS_EMULATOR_URL}/v2/${project}/instances/${instance}/backups`;
  return {
    createBackup: (remark) => ask(backups, "POST", { remark }),
    listBackups: async () => (await ask(backups, "GET")).body.backup_record_response,
    /** Lets backups wait for `step`. */
    workMovesByHand: () =>
      control("PUT", "transitions/backup", { project_id: project, progression: "manual" }),
    /** Moves the project's backups one step on. */
    step: async () => (await control("POST", "transitions/backup/step", { project_id: project })).fired,
    /** Lets the next call of an operation fail. */
    fail: (operation, status) =>
      control("POST", "faults", { match: { project_id: project, operation }, times: 1, effect: { status } }),
  };
}
