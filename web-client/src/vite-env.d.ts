/// <reference types="vite/client" />

// For tools that do not read single-file components themselves (ESLint's type checker); vue-tsc does.
declare module '*.vue' {
  import type { DefineComponent } from 'vue'
  const component: DefineComponent
  export default component
}
