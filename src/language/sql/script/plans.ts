/**
 * COMPILE PLAN and EXECUTE PLAN: execution plans as files, in the versioned JSON of foundation/plan, so that a statement can run
 * later exactly as it was planned.
 *
 * Options: table.plan.force-recompile, table.plan.compile.catalog-objects (ALL, SCHEMA), table.plan.restore.catalog-objects
 *          (ALL, ALL_ENFORCED, IDENTIFIER).
 * Source:  Flink TableEnvironmentImpl.compilePlanFilePossibly and its messages. Errors: MR2137 a file that is no plan.
 */
import { isSecretName } from "../../../foundation/base/secrets.ts";
import type { AsyncRequest } from "../../../foundation/plan/async-request.ts";
import { type ExecNode, type ExecPlan, PLAN_VERSION } from "../../../foundation/plan/exec-node.ts";
import { validateErrors } from "../errors.ts";
import type { CompilePlanNode, ExecutePlanNode } from "../parser/ast.ts";
import type { SessionContext } from "./session-context.ts";
import type { PlanFiles, StatementResult } from "./session-types.ts";

/** `plan` plans the statement. */
export function compilePlan(
  session: SessionContext,
  node: CompilePlanNode,
  plan: () => Extract<StatementResult, { kind: "insert" }>,
): StatementResult {
  const files = planFiles(session, node);
  const path = localPath(node.path);
  const exists = files.exists(path);
  const force = session.config.get("table.plan.force-recompile") === "true";
  if (exists && node.ifNotExists && !force)
    return node.execute ? executePlan(session, node) : { kind: "ok" };
  if (exists && !force)
    throw validateErrors.STATEMENT_INVALID(
      {
        message: `Cannot overwrite the plan file '${node.path}'. Either manually remove the file or, if you're debugging your job, set the option 'table.plan.force-recompile' to 'true'.`,
        remedy: "Add IF NOT EXISTS to run the plan that is there.",
      },
      { at: node.span },
    );
  const planned = plan();
  files.write(path, `${JSON.stringify(stored(session, planned.plan), null, 2)}\n`);
  return node.execute ? planned : { kind: "ok" };
}

export function executePlan(
  session: SessionContext,
  node: Pick<ExecutePlanNode, "path" | "span">,
): StatementResult {
  const files = planFiles(session, node);
  const path = localPath(node.path);
  if (!files.exists(path))
    throw validateErrors.STATEMENT_INVALID(
      { message: `Cannot find the plan file '${node.path}'.`, remedy: "Check the path." },
      { at: node.span },
    );
  const plan = restored(session, parsed(files.read(path), node), node);
  session.host.validate?.(plan);
  const sinks = plan.nodes.flatMap((each) => (each.type === "Sink" ? [each.table.name] : []));
  return { kind: "insert", plan, sinks, warnings: [] };
}

function planFiles(session: SessionContext, node: Pick<ExecutePlanNode, "span">): PlanFiles {
  const { planFiles: files } = session.host;
  if (files !== undefined) return files;
  throw validateErrors.NOT_SUPPORTED(
    {
      what: "a plan file",
      remedy:
        "This session has no access to files: run the statement with `millrace sql` or `millrace run`.",
    },
    { at: node.span },
  );
}

/** Strips file:// as Flink's paths may have it. */
function localPath(path: string): string {
  return path.replace(/^file:(?:\/\/[^/]*)?(?=\/)/, "");
}

function isTable(node: ExecNode): node is Extract<ExecNode, { readonly table: unknown }> {
  return "table" in node;
}

function stored(session: SessionContext, plan: ExecPlan): ExecPlan {
  const key = "table.plan.compile.catalog-objects";
  const setting = session.config.get(key)?.toUpperCase() ?? "ALL";
  if (setting === "ALL") return { ...plan, nodes: plan.nodes.map(withoutSecrets) };
  if (setting !== "SCHEMA")
    throw validateErrors.OPTION_VALUE({ key, value: setting, expected: "ALL or SCHEMA" });
  return {
    ...plan,
    nodes: plan.nodes.map((node) => withoutSecrets(withOptions(node, () => ({})))),
  };
}

type ModelRequest = Extract<AsyncRequest, { kind: "model" }>;

function withModel(node: ExecNode, change: (request: ModelRequest) => ModelRequest): ExecNode {
  if (node.type !== "AsyncCorrelate" || node.request.kind !== "model") return node;
  return { ...node, request: change(node.request) };
}

/** Secrets of models are not written: they come from the catalog when the plan is run. */
function withoutSecrets(node: ExecNode): ExecNode {
  return withModel(node, (request) => {
    const options = Object.entries(request.options).filter(([key]) => !isSecretName(key));
    return { ...request, options: Object.fromEntries(options) };
  });
}

function withSecrets(session: SessionContext, node: ExecNode): ExecNode {
  return withModel(node, (request) => {
    const known = session.catalog.model(request.name.split("."));
    const secrets = Object.entries(known?.options ?? {}).filter(([key]) => isSecretName(key));
    return { ...request, options: { ...request.options, ...Object.fromEntries(secrets) } };
  });
}

function restored(
  session: SessionContext,
  plan: ExecPlan,
  node: Pick<ExecutePlanNode, "span">,
): ExecPlan {
  const key = "table.plan.restore.catalog-objects";
  const setting = session.config.get(key)?.toUpperCase() ?? "ALL";
  if (!["ALL", "ALL_ENFORCED", "IDENTIFIER"].includes(setting))
    throw validateErrors.OPTION_VALUE({
      key,
      value: setting,
      expected: "ALL, ALL_ENFORCED or IDENTIFIER",
    });
  const nodes = plan.nodes.map((each) =>
    withOptions(each, (name, own) => {
      const known =
        setting === "ALL_ENFORCED" ? undefined : session.catalog.lookup(name.split("."));
      const options = known?.kind === "table" ? known.options : undefined;
      const found = setting === "IDENTIFIER" ? options : { ...own, ...options };
      if (found?.connector !== undefined) return found;
      throw validateErrors.STATEMENT_INVALID(
        {
          message: `The plan's table '${name}' has no options in the plan, and the catalog has no such table.`,
          remedy: "Create the table before EXECUTE PLAN.",
        },
        { at: node.span },
      );
    }),
  );
  return { ...plan, nodes: nodes.map((each) => withSecrets(session, each)) };
}

function withOptions(
  node: ExecNode,
  change: (
    table: string,
    options: Readonly<Record<string, string>>,
  ) => Readonly<Record<string, string>>,
): ExecNode {
  if (!isTable(node)) return node;
  const { table } = node;
  return { ...node, table: { ...table, options: change(table.name, table.options) } } as ExecNode;
}

function parsed(text: string, node: Pick<ExecutePlanNode, "path" | "span">): ExecPlan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(node, "it is not JSON", cause);
  }
  const plan = value as Partial<ExecPlan> | null;
  if (typeof plan?.version !== "number" || !Array.isArray(plan.nodes))
    throw invalid(node, "it has no version and nodes: plans of Flink itself are not run here");
  if (plan.version > PLAN_VERSION)
    throw invalid(node, `its version ${plan.version} is newer than ${PLAN_VERSION}`);
  plan.nodes.forEach((each: Partial<ExecNode> | null, i) => {
    const inputs = each?.inputs;
    const wired = Array.isArray(inputs) && inputs.every(({ node: from }) => from >= 1 && from <= i);
    if (each?.id !== i + 1 || typeof each.type !== "string" || !wired)
      throw invalid(node, `node ${i + 1} is not one that this release writes`);
  });
  return plan as ExecPlan;
}

function invalid(
  { path, span }: Pick<ExecutePlanNode, "path" | "span">,
  reason: string,
  cause?: unknown,
): Error {
  return validateErrors.PLAN_FILE({ path, reason }, { at: span, cause });
}
