/**
 * Secrets: which names say that their value is secret, and what stands in its place wherever text is shown.
 *
 * Flow:    log fields and options of tables → here → job.log, SHOW CREATE TABLE.
 */

/** What is shown instead of a secret, whatever its length. */
export const SECRET_MASK = "******";

const SECRET_NAME =
  /pass(word|wd|phrase)|secret|token|credential|authorization|cookie|(api|access|private)[-_.]?key|sasl\.jaas/i;
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi;

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Passwords within URLs; the rest of the text stays. */
export function maskUrlPasswords(text: string): string {
  return text.replace(URL_PASSWORD, `$1:${SECRET_MASK}@`);
}
