import { definePreset } from '@primeuix/themes'
import base from '@primeuix/themes/aura/base'
import button from '@primeuix/themes/aura/button'
import inputtext from '@primeuix/themes/aura/inputtext'
import password from '@primeuix/themes/aura/password'
import popover from '@primeuix/themes/aura/popover'
import selectbutton from '@primeuix/themes/aura/selectbutton'
import skeleton from '@primeuix/themes/aura/skeleton'
import togglebutton from '@primeuix/themes/aura/togglebutton'

/**
 * PrimeVue's tokens, set to ours (`tokens.css`). Only the components that the client uses are listed, so that the others'
 * tokens stay out of the build. Aura's own colours fail on contrast (white on emerald-500 is 2.5:1): none of them is left.
 */

const green = {
  50: '#eef6f3',
  100: '#d6eae4',
  200: '#acd6ca',
  300: '#5fd0b5',
  400: '#35a68c',
  500: '#0f5c4d',
  600: '#0c4d40',
  700: '#0a3f35',
  800: '#08332b',
  900: '#062822',
  950: '#041a16',
}

const paper = {
  0: '#ffffff',
  50: '#faf8f4',
  100: '#f1ede5',
  200: '#e2ddd2',
  300: '#cdc6b9',
  400: '#8c857a',
  500: '#736d63',
  600: '#5b6470',
  700: '#3b424a',
  800: '#282d33',
  900: '#1b1f24',
  950: '#14171a',
}

const night = {
  0: '#ffffff',
  50: '#eceae4',
  100: '#dcdcd8',
  200: '#c3c6c8',
  300: '#aeb5bc',
  400: '#9aa3ad',
  500: '#6b737c',
  600: '#4b5259',
  700: '#363c42',
  800: '#282d32',
  900: '#1e2226',
  950: '#14171a',
}

export const preset = definePreset(
  { ...base, components: { button, inputtext, password, popover, selectbutton, skeleton, togglebutton } },
  {
    components: {
      togglebutton: {
        colorScheme: {
          light: {
            root: {
              background: '#f1ede5',
              checkedBackground: '#f1ede5',
              hoverBackground: '#f1ede5',
              borderColor: '#f1ede5',
              checkedBorderColor: '#f1ede5',
              color: '#4a535d',
              hoverColor: '#1b1f24',
              checkedColor: '#1b1f24',
            },
            content: { checkedBackground: '#ffffff', checkedShadow: '0 0 0 1px #8c857a' },
          },
          dark: {
            root: {
              background: '#1e2226',
              checkedBackground: '#1e2226',
              hoverBackground: '#1e2226',
              borderColor: '#1e2226',
              checkedBorderColor: '#1e2226',
              color: '#9aa3ad',
              hoverColor: '#eceae4',
              checkedColor: '#eceae4',
            },
            content: { checkedBackground: '#2c3137', checkedShadow: '0 0 0 1px #6b737c' },
          },
        },
      },
    },
    primitive: { borderRadius: { xs: '3px', sm: '4px', md: '6px', lg: '6px', xl: '10px' } },
    semantic: {
      primary: green,
      focusRing: { width: '2px', style: 'solid', color: 'var(--action)', offset: '2px', shadow: 'none' },
      formField: { paddingX: '12px', paddingY: '9px', borderRadius: '6px', shadow: 'none' },
      colorScheme: {
        light: {
          surface: paper,
          primary: {
            color: '#0f5c4d',
            contrastColor: '#ffffff',
            hoverColor: '#0c4d40',
            activeColor: '#0a3f35',
          },
          formField: {
            background: '#ffffff',
            borderColor: '#8c857a',
            hoverBorderColor: '#5b6470',
            focusBorderColor: '#0f5c4d',
            invalidBorderColor: '#a3241c',
            color: '#1b1f24',
            placeholderColor: '#5b6470',
            iconColor: '#5b6470',
          },
          text: {
            color: '#1b1f24',
            hoverColor: '#1b1f24',
            mutedColor: '#5b6470',
            hoverMutedColor: '#3b424a',
          },
          content: {
            background: '#ffffff',
            borderColor: '#e2ddd2',
            color: '#1b1f24',
            hoverBackground: '#f1ede5',
          },
          overlay: { popover: { background: '#ffffff', borderColor: '#8c857a', color: '#1b1f24' } },
        },
        dark: {
          surface: night,
          primary: {
            color: '#5fd0b5',
            contrastColor: '#14171a',
            hoverColor: '#7ddbc5',
            activeColor: '#9be5d4',
          },
          formField: {
            background: '#1e2226',
            borderColor: '#6b737c',
            hoverBorderColor: '#9aa3ad',
            focusBorderColor: '#5fd0b5',
            invalidBorderColor: '#ff8a80',
            color: '#eceae4',
            placeholderColor: '#9aa3ad',
            iconColor: '#9aa3ad',
          },
          text: {
            color: '#eceae4',
            hoverColor: '#ffffff',
            mutedColor: '#9aa3ad',
            hoverMutedColor: '#c3c6c8',
          },
          content: {
            background: '#1e2226',
            borderColor: '#2c3137',
            color: '#eceae4',
            hoverBackground: '#282d32',
          },
          overlay: { popover: { background: '#1e2226', borderColor: '#6b737c', color: '#eceae4' } },
        },
      },
    },
  },
)
