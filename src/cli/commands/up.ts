/** `millrace up`: the platform on this machine. */
import type { Command } from "../main.ts";
import { baseErrors } from "../../foundation/base/errors.ts";

export const upCommand: Command = {
  usage: "millrace up",
  help: "",
  run: async () => {
    throw baseErrors.UNSUPPORTED({ what: "millrace up", remedy: "It is being built." });
  },
};
