// The core of huaweicloud-sdk-nodejs-v3, unmodified, which signs and sends; the SDK's part for DCS is not published. Driven by lines of
// JSON: {"call": "list_instances", "with": {…}} on standard input, and for each a line with the answer. There are no models.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// The packages lie in a folder of their own.
const [packages, url, project] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const { BasicCredentials } = require("@huaweicloud/huaweicloud-sdk-core");
const { ClientBuilder } = require("@huaweicloud/huaweicloud-sdk-core/ClientBuilder");

// What the emulator calls otherwise than the SDKs do.
const NAMES = {
  create_backup: "copy_instance",
  list_backups: "list_backup_records",
  delete_backup: "delete_backup_file",
  create_backup_links: "list_backup_file_links",
  create_restore: "restore_instance",
  list_restores: "list_restore_records",
  create_instances: "create_instance",
  get_instance: "show_instance",
  delete_instance: "delete_single_instance",
  delete_instances: "batch_delete_instances",
  change_instance_statuses: "restart_or_flush_instances",
  show_quota: "show_quota_of_tenant",
};
// What the emulator has and the SDKs have not.
const OUTSIDE_THE_SDKS = ["show_version", "list_rename_commands", "switch_subnet", "add_replica", "remove_replica"];
// Paths of other services.
const OTHERS = /^\/v2\/(orders|products\/service-types|nameservers|\{project_id\}\/os-availability-zone)/;

const { operations } = await (await fetch(`${url}/_emulator/operations`)).json();
const routes = new Map(
  operations
    .filter(({ name }) => !OUTSIDE_THE_SDKS.includes(name))
    .map(({ name, routes }) => [NAMES[name] ?? name, routes.find(({ api }) => api === "v2")])
    .filter(([, route]) => route && route.path.startsWith("/v2/") && !OTHERS.test(route.path)),
);

const keys = new BasicCredentials()
  .withAk(process.env.HUAWEICLOUD_SDK_AK)
  .withSk(process.env.HUAWEICLOUD_SDK_SK)
  .withProjectId(project);
const client = new ClientBuilder((sender) => sender).withCredential(keys).withEndpoint(url).build();

async function carryOut(call, given) {
  const { method, path } = routes.get(call);
  const { body, ...others } = given;
  const pathParams = { project_id: project };
  const queryParams = {};
  for (const [name, value] of Object.entries(others)) {
    (path.includes(`{${name}}`) ? pathParams : queryParams)[name] = value;
  }
  try {
    const answer = await client.sendRequest({
      method, url: path, contentType: "application/json", pathParams, queryParams, headers: {}, data: body ?? {},
    });
    const { httpStatusCode, ...members } = answer ?? {};
    return { status: httpStatusCode ?? 200, raw: JSON.stringify(members), model: null };
  } catch (error) {
    return { status: error.httpStatusCode ?? 0, raw: "", error: `${error.errorCode ?? ""} ${error.errorMsg ?? error.message ?? error}` };
  }
}

console.log(JSON.stringify([...routes.keys()]));
for await (const line of createInterface({ input: process.stdin })) {
  const { call, with: given } = JSON.parse(line);
  console.log(JSON.stringify(await carryOut(call, given ?? {})));
}
