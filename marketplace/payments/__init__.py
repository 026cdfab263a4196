"""Money from buyers through Alipay: asked for, noticed, looked up when in doubt, given back."""
