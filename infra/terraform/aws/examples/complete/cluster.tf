# A cluster whose nodes support rootless builds: Amazon Linux 2023 has user namespaces, Bottlerocket and Auto Mode do not.

data "aws_partition" "current" {}

resource "aws_eks_cluster" "cluster" {
  #checkov:skip=CKV_AWS_39:Public for public_access_cidrs only, because the same apply creates objects in the cluster.
  #checkov:skip=CKV_AWS_58:Secrets are encrypted by EKS's own key since Kubernetes 1.28.
  name                      = var.name
  role_arn                  = aws_iam_role.eks["cluster"].arn
  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }
  vpc_config {
    subnet_ids              = [for subnet in aws_subnet.private : subnet.id]
    endpoint_private_access = true
    endpoint_public_access  = length(var.public_access_cidrs) > 0
    public_access_cidrs     = length(var.public_access_cidrs) > 0 ? var.public_access_cidrs : null
  }
  depends_on = [aws_iam_role_policy_attachment.eks]
}

resource "aws_eks_node_group" "builds" {
  cluster_name    = aws_eks_cluster.cluster.name
  node_group_name = "builds"
  node_role_arn   = aws_iam_role.eks["node"].arn
  subnet_ids      = [for subnet in aws_subnet.private : subnet.id]
  ami_type        = "AL2023_x86_64_STANDARD"
  instance_types  = ["m7i.xlarge"]
  disk_size       = 100
  scaling_config {
    min_size     = 1
    desired_size = 1
    max_size     = 4
  }
  depends_on = [aws_iam_role_policy_attachment.eks, aws_route_table_association.private]
}

# Pod Identity's agent gives jobs their credentials; the EBS driver gives buildkitd its volume.
resource "aws_eks_addon" "addon" {
  for_each     = toset(["eks-pod-identity-agent", "aws-ebs-csi-driver"])
  cluster_name = aws_eks_cluster.cluster.name
  addon_name   = each.key
  dynamic "pod_identity_association" {
    for_each = each.key == "aws-ebs-csi-driver" ? [aws_iam_role.eks["ebs"].arn] : []
    content {
      service_account = "ebs-csi-controller-sa"
      role_arn        = pod_identity_association.value
    }
  }
  depends_on = [aws_eks_node_group.builds]
}

resource "aws_iam_role" "eks" {
  for_each = {
    cluster = ["eks.amazonaws.com"]
    node    = ["ec2.amazonaws.com"]
    ebs     = ["pods.eks.amazonaws.com"]
  }
  name = "${var.name}-eks-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = each.key == "ebs" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
      Principal = { Service = each.value }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "eks" {
  for_each = {
    AmazonEKSClusterPolicy                  = "cluster"
    AmazonEKSWorkerNodePolicy               = "node"
    AmazonEKS_CNI_Policy                    = "node"
    AmazonEC2ContainerRegistryPullOnly      = "node"
    "service-role/AmazonEBSCSIDriverPolicy" = "ebs"
  }
  role       = aws_iam_role.eks[each.value].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.key}"
}
