"""keras_metric.layers."""

from keras_metric.layers._proxy_head import ProxyHead as ProxyHead
