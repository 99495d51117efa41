import type { NextConfig } from "next";

export default {
  // This folder, whatever else lies above it.
  turbopack: { root: import.meta.dirname },
} satisfies NextConfig;
