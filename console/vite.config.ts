/** The console's bundle; `npm start` builds it when its sources change. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: { target: "es2024", chunkSizeWarningLimit: 1500 },
});
