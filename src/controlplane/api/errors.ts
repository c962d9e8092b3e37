/** Errors of the HTTP doors (MR70xx) and of signing in (MR71xx). */
import { defineErrors } from "../../foundation/base/errors.ts";

export const apiErrors = defineErrors({
  REQUEST_INVALID: {
    code: "MR7001",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "the request is not valid: {reason}",
    hint: "Correct the field that is named.",
  },
  NOT_FOUND: {
    code: "MR7002",
    domain: "user",
    retryable: false,
    httpStatus: 404,
    message: "there is nothing at {method} {path}",
    hint: "The calls are listed in the API reference.",
  },
  PORT_IN_USE: {
    code: "MR7003",
    domain: "user",
    retryable: true,
    httpStatus: 500,
    message: "port {port} of {host} is in use",
    hint: "Stop the program that uses it, or choose another port with --port.",
  },
  NOT_LOOPBACK: {
    code: "MR7004",
    domain: "user",
    retryable: false,
    httpStatus: 500,
    message: "{host} is not a loopback address",
    hint: "The platform answers only on this machine: use 127.0.0.1 or ::1.",
  },
  FOREIGN_ORIGIN: {
    code: "MR7102",
    domain: "user",
    retryable: false,
    httpStatus: 403,
    message: "requests from {origin} are refused",
    hint: "Use the console at the address that `millrace up` printed.",
  },
  NOT_SIGNED_IN: {
    code: "MR7101",
    domain: "user",
    retryable: false,
    httpStatus: 401,
    message: "you are not signed in",
    hint: "Open the sign-in link that `millrace up` printed.",
  },
});
