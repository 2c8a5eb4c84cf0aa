/** `sign`: writes model.sig into task folders and base folders. */
import { SIGNATURE_FILE } from "../../src/core/signing/bundle.ts";
import { UsageError, defineCommand } from "../cli/command.ts";
import { readSigner } from "../node/signer.ts";
import { signFolder } from "../publish/sign-folder.ts";

export const command = defineCommand({
  summary: "sign task or base folders: model.sig, which model-signing verifies, too",
  usage: "DIR... --key KEY",
  example: "npx edge-prefix sign prefixes/sentiment --key release.key.pem",
  options: { key: { type: "string", value: "KEY", hint: "private key, made by key --signing" } },
  async run({ values, positionals, io }) {
    if (positionals.length === 0) throw new UsageError("sign: name at least one folder");
    if (values.key === undefined) throw new UsageError("sign: name the private key: --key KEY");
    const signer = await readSigner(values.key);
    for (const folder of positionals) {
      await signFolder(folder, signer);
      const { id } = signer.key;
      io.out(
        io.json
          ? JSON.stringify({ folder, file: SIGNATURE_FILE, key: id })
          : `${folder}/${SIGNATURE_FILE}: signed by key ${id.slice(0, 12)}`,
      );
    }
    return 0;
  },
});
