import { watch } from 'vue'
import { createRouter, createWebHistory, type RouteRecordRaw, type Router } from 'vue-router'
import { i18n } from '@/i18n'
import type { useSession } from './session'

declare module 'vue-router' {
  interface RouteMeta {
    /** The text's key for the window's title. */
    title?: string
    /** Seen without being signed in. */
    open?: boolean
  }
}

/** Each desk is a chunk of its own: a till never loads HQ's charts. */
const desks: Record<'hq' | 'store', RouteRecordRaw> = {
  hq: {
    path: '/',
    name: 'home',
    component: () => import('@/hq/chain-now/ChainNow.vue'),
    meta: { title: 'chain.title' },
  },
  store: {
    path: '/',
    name: 'home',
    component: () => import('@/store/home/StoreHome.vue'),
    meta: { title: 'storeHome.short' },
  },
}

export function createDeskRouter(mode: 'hq' | 'store', session: ReturnType<typeof useSession>): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      desks[mode],
      {
        path: '/sign-in',
        name: 'sign-in',
        component: () => import('./SignIn.vue'),
        meta: { title: 'signIn.title', open: true },
      },
      {
        path: '/:rest(.*)*',
        name: 'not-found',
        component: () => import('./NotFound.vue'),
        meta: { title: 'problem.notFound' },
      },
    ],
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  })

  router.beforeEach((to) => {
    if (to.meta.open) return session.isSignedIn ? { path: wished(to.query['next']) } : true
    return session.isSignedIn
      ? true
      : { name: 'sign-in', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  })

  // Signed in or out, here or in another tab.
  watch(
    () => session.isSignedIn,
    (signedIn) => {
      const at = router.currentRoute.value
      if (signedIn && at.name === 'sign-in') void router.replace(wished(at.query['next']))
      if (!signedIn && !at.meta.open)
        void router.replace({ name: 'sign-in', query: at.fullPath === '/' ? {} : { next: at.fullPath } })
    },
  )

  const entitle = (key: string | undefined): void => {
    const { t } = i18n.global
    document.title = key === undefined ? t('product') : `${t(key)} · ${t('product')}`
  }
  router.afterEach((to) => {
    entitle(to.meta.title)
  })
  watch(i18n.global.locale, () => {
    entitle(router.currentRoute.value.meta.title)
  })
  return router
}

/** Only paths of our own: never an address that somebody put behind `?next=`. */
function wished(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
}
