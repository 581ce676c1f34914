import '@fontsource-variable/inter/wght.css'
import './ui/tokens.css'
import './ui/base.css'
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createPinia } from 'pinia'
import PrimeVue from 'primevue/config'
import { createApp } from 'vue'
import { createApi } from './api'
import App from './app/App.vue'
import { loadConfig } from './app/config'
import { CONTEXT } from './app/context'
import NoConfig from './app/NoConfig.vue'
import { forgetReading } from './app/polled'
import { createDeskRouter } from './app/router'
import { followVersions } from './app/version'
import { useSession } from './app/session'
import { i18n, language } from './i18n'
import { startAppearance } from './ui/appearance'
import { preset } from './ui/preset'

startAppearance()
followVersions()

const primevue = [
  PrimeVue,
  {
    theme: {
      preset,
      // In a layer, so that the client's own styles win without shouting.
      options: { darkModeSelector: '[data-theme="dark"]', cssLayer: { name: 'primevue', order: 'primevue' } },
    },
  },
] as const

async function start(): Promise<void> {
  const config = await loadConfig()
  if (!config || (config.mode !== 'hq' && config.mode !== 'store')) {
    createApp(NoConfig, { mode: config?.mode ?? null })
      .use(...primevue)
      .use(i18n)
      .mount('#app')
    return
  }

  const api = createApi(config.apiUrl, language)
  const queries = new QueryClient({
    defaultOptions: {
      // The device's own idea of being online says nothing about a server in the same room.
      queries: { retry: false, staleTime: 0, networkMode: 'always', refetchOnWindowFocus: true },
    },
  })
  const app = createApp(App)
  app.use(createPinia())
  const session = useSession()
  session.follow(api.keeper)
  let who = session.user?.id
  api.keeper.onChange((now) => {
    if (now?.user.id === who) return
    who = now?.user.id
    queries.clear()
    forgetReading()
  })

  app
    .provide(CONTEXT, { api, config })
    .use(...primevue)
    .use(i18n)
    .use(VueQueryPlugin, { queryClient: queries })
    .use(createDeskRouter(config.mode, session))
    .mount('#app')
}

void start()
